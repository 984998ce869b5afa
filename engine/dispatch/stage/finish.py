"""What came of attempts is written together, with all that the receipts bring, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.records import LedgerPosting, PrintJob, ReferralInvite
from engine.dispatch.office import Summary, plainly
from engine.dispatch.port import Record
from engine.dispatch.stage.admit import note
from engine.dispatch.stage.parcel import Ended
from engine.errors import StoreError
from engine.store import ledger, outbox, print_jobs, referrals, touchpoints
from engine.store.outbox import NOT_SENT, Due, Result
from engine.store.session import Store

Written = tuple[Result, bool]
"""What came of an attempt, and whether it was still ours to write."""


def finish(store: Store, ended: Sequence[Ended], summary: Summary, *, owner: str, now: datetime) -> list[Written]:
    """Write them; one that cannot be written as it is becomes a doubt, and costs no other its receipt.

    Raises StoreError when nothing can be written now; nothing is then.
    """
    try:
        return _write(store, ended, summary, owner, now)
    except StoreError:
        raise
    except Exception as error:
        if len(ended) > 1:
            return [done for one in ended for done in finish(store, [one], summary, owner=owner, now=now)]
        if ended[0].receipt is None:
            raise  # its words are our own
        doubt = f"the adapter broke off ({plainly(error)})"
        result = ended[0].result._replace(state=State.UNKNOWN, outcome="unknown", provider_ref="", detail=doubt)
        return _write(store, [Ended(result=result)], summary, owner, now)


def _write(store: Store, ended: Sequence[Ended], summary: Summary, owner: str, now: datetime) -> list[Written]:
    with store.write() as connection:
        written = close(connection, ended, owner, now)
    count(written, summary)
    return written


def close(connection: Connection, ended: Sequence[Ended], owner: str, now: datetime) -> list[Written]:
    """Write them in a transaction that does more; nothing is counted before it is committed."""
    ours, before = outbox.close(connection, [one.result for one in ended], owner, now)
    sent = [(one.result.due, one.receipt) for one in ended if one.receipt is not None and one.result.due.id in ours]
    touchpoints.add(connection, [action for action, _ in sent], now)
    keep(connection, [(action, record) for action, receipt in sent for record in receipt.records], now)
    note(connection, [one for one in ended if one.result.due.id not in before], now)
    found = [(one.result, one.result.due.id in ours | before) for one in ended]
    return [(result, is_ours) for result, is_ours in found if is_ours or result.outcome != NOT_SENT]


def count(written: Sequence[Written], summary: Summary) -> None:
    """What was written is in the store."""
    for state, number in Counter(result.state if is_ours else State.UNKNOWN for result, is_ours in written).items():
        summary.count(state, number)


def keep(connection: Connection, brought: Sequence[tuple[Due, Record]], now: datetime) -> None:
    """Store what receipts bring: once, like the actions themselves."""
    bookings = [_booking(action, record) for action, record in brought if isinstance(record, LedgerPosting)]
    ledger.post(connection, bookings, now)
    for action, record in brought:
        if isinstance(record, ReferralInvite):
            referrals.invite(connection, record, referrer=action.customer_id, action=action.id, now=now)
        elif isinstance(record, PrintJob):
            print_jobs.add(connection, action.id, record.files, record.pages, now)


def _booking(action: Due, posting: LedgerPosting) -> ledger.Booking:
    return ledger.Booking(
        posting=posting,
        transfer=action.public_id,
        customer=(action.customer_id, action.customer),
        rule_hash=action.rule_hash,
        action=action.id,
    )
