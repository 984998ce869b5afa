"""Stage 5: due actions get their content and go out once, through adapters; the attempt is committed before any I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.calendar import local_date
from engine.core.keys import canonical_json, sha256
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS, refusal
from engine.core.quiet import Quiet
from engine.core.records import LedgerPosting, PrintJob, ReferralInvite
from engine.dispatch.freeze import Moment, body
from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Adapter, Idempotency, Message, Receipt
from engine.dispatch.retry import MAX_ATTEMPTS, after_failure
from engine.dispatch.waiting import opens
from engine.errors import DeliveryError, EngineError, RuleError, StoreError
from engine.store import (
    actions,
    customers,
    decisions,
    events,
    ledger,
    outbox,
    permissions,
    referrals,
    scores,
    transactions,
)
from engine.store.actions import Action
from engine.store.customers import Known
from engine.store.session import Store

BATCH = 50
SEND_LIMIT = timedelta(minutes=15)
"""Longer than all of SMTP's answers may take together, so that only what hangs is cut off."""
CLOSE_LIMIT = timedelta(seconds=10)
LEASE = SEND_LIMIT + timedelta(minutes=5)
UNREADABLE = "T001"
T = TypeVar("T")


def prepare(
    store: Store, office: Office, summary: Summary, *, now: datetime, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Write the content of what is due, and of what a person wants to see first; refuse what can never be sent.

    Raises RuleError for a template that cannot be read: that is the workspace's fault, and no action's end.
    """
    while not stopping():
        with store.write() as connection:
            batch = actions.to_freeze(connection, now, BATCH)
            if not batch:
                return
            people = customers.load(connection, {action.customer_id for action in batch})
            worth = scores.load(connection, people)
            since = transactions.first_of(connection, people)
            for action in batch:
                score = worth.get(action.customer_id)
                tier, first = score.facts.tier if score else "", since.get(action.customer_id)
                _prepare(connection, office, action, people[action.customer_id], (tier, first), now, summary)


def _prepare(
    connection: Connection,
    office: Office,
    action: Action,
    known: Known,
    worth: tuple[str, datetime | None],
    now: datetime,
    summary: Summary,
) -> None:
    tz = known.facts.time_zone or office.sender.time_zone
    free = opens(action.channel, action.plan.window, _quiet(office, action, known), now, tz)
    if action.due_at <= now < free and action.valid_until is not None:
        actions.schedule(connection, action.id, free, action.valid_until, now)  # late, and now is no time to ring
        return
    # What a person is to see first is written early, as of the instant at which it is due.
    moment = _moment(action, known, worth, tz, max(now, action.due_at))
    try:
        name, content = _write(office, action, moment)
    except Exception as error:
        if isinstance(error, RuleError) and any(fault.code == UNREADABLE for fault in error.faults):
            raise
        actions.end(connection, action.id, State.REJECTED, _plainly(error), now)  # it must not hold up all others
        summary.count(State.REJECTED)
        return
    state = State.HELD if action.plan.approve else State.READY
    digest = sha256(canonical_json(content))
    actions.freeze(connection, action.id, state, adapter=name, payload=content, sha256=digest)
    summary.frozen += 1
    summary.held += state is State.HELD


def _quiet(office: Office, action: Action, known: Known) -> Quiet:
    return office.quiet.around(channel=action.channel, purpose=action.purpose, address=known.facts.address)


def _moment(action: Action, known: Known, worth: tuple[str, datetime | None], tz: str, now: datetime) -> Moment:
    tier, first = worth
    return Moment(
        public_id=action.public_id,
        dedupe_key=action.dedupe_key,
        purpose=action.purpose,
        channel=action.channel,
        plan=action.plan,
        facts=action.facts,
        customer=known.facts,
        tier=tier,
        since=local_date(first, tz) if first else None,
        now=now,
        until=action.valid_until,
    )


def _write(office: Office, action: Action, moment: Moment) -> tuple[str, dict[str, Any]]:
    """The adapter that serves the action's channel, and the content that it does not refuse."""
    name = office.channels.get(action.channel, "")
    if name not in office.adapters:
        raise DeliveryError(f"no adapter serves the channel {action.channel}", permanent=True)
    content = body(moment, office.sender, office.templates).to_json()
    office.adapters[name].check(_message(action, moment.customer.ref, content))
    return name, content


def _message(action: Action, customer: str, content: Mapping[str, object]) -> Message:
    return Message(action=action.public_id, key=action.dedupe_key, customer=customer, body=content)


def _plainly(error: Exception) -> str:
    return str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}".rstrip(": ")


async def send(
    store: Store,
    office: Office,
    summary: Summary,
    *,
    owner: str,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _sent: None,
) -> None:
    """Send what is due now. When `stopping` says so, or the task is cancelled, the actions in hand are finished and the
    rest handed back.

    owner: a random id of this run, under which it holds its leases; on SQLite all other leases count as lost.
    """
    sending = _Sending(
        store=store, office=office, summary=summary, owner=owner, clock=clock, stopping=stopping, progress=progress
    )
    work = asyncio.ensure_future(sending.run())
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        sending.stopping = lambda: True
        await work
        raise


@dataclass(slots=True, kw_only=True)
class _Sending:
    """One run through the outbox. The store is asked by one thread at a time, never inside a send."""

    store: Store
    office: Office
    summary: Summary
    owner: str
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    progress: Callable[[int], None]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Take up what was left, then work in one lane for each adapter, so that a slow one holds up nobody else."""
        began = self.clock()
        try:
            await self._stored(self._recover)
            await _all(self._lane(name, began) for name in self.office.adapters)
        finally:
            await _all(_close(adapter) for adapter in self.office.adapters.values())

    async def _stored(self, work: Callable[..., T], *arguments: Any) -> T:
        async with self.turn:
            return await asyncio.to_thread(work, *arguments)

    def _recover(self) -> None:
        """Take up what a run that ended abruptly left behind: nothing is lost, nothing is sent twice or too late."""
        safe = [name for name in self.office.adapters if self._replayable(name)]
        now = self.clock()
        with self.store.write() as connection:
            outbox.release_lost(connection, self.owner, now)
            outbox.replay_unknown(connection, safe, attempts=MAX_ATTEMPTS, now=now)
            self.summary.count(State.EXPIRED, actions.expire(connection, now))

    def _replayable(self, adapter: str) -> bool:
        return self.office.adapters[adapter].capability.idempotency is Idempotency.KEY

    async def _lane(self, name: str, began: datetime) -> None:
        """One adapter's due actions, as many at once as it can take; what falls due later is for the next run."""
        width = max(1, self.office.adapters[name].capability.concurrency)
        while not self.stopping():
            claimed = await self._stored(self._claim, name, began)
            if not claimed:
                return
            try:
                while claimed and not self.stopping():
                    group, claimed = claimed[:width], claimed[width:]
                    await _all(self._deliver(action) for action in group)
                    self.progress(len(group))
            finally:
                if claimed:
                    await self._stored(self._hand_back, claimed)

    def _claim(self, name: str, began: datetime) -> list[Action]:
        """Take a batch under a lease; what may not go any more ends here."""
        while True:
            now = self.clock()
            with self.store.write() as connection:
                claimed = outbox.claim(
                    connection, owner=self.owner, now=began, until=now + LEASE, limit=BATCH, adapters=[name]
                )
                people = customers.load(connection, {action.customer_id for action in claimed})
                going = [
                    action for action in claimed if self._may_go(connection, action, people[action.customer_id], now)
                ]
            if going or not claimed:
                return going

    def _hand_back(self, rest: Sequence[Action]) -> None:
        """Give back what was claimed but not begun."""
        with self.store.write() as connection:
            outbox.hand_back(connection, [action.id for action in rest], self.owner)

    async def _deliver(self, action: Action) -> None:
        """One attempt: commit that it begins, do the I/O, commit what came of it."""
        message = await self._stored(self._begin, action)
        if message is None:
            return
        try:
            async with asyncio.timeout(SEND_LIMIT.total_seconds()):
                receipt = await self.office.adapters[action.adapter].send(message)
            await self._stored(self._done, action, message, receipt)
        except DeliveryError as error:
            await self._stored(self._failed, action, error)
        except StoreError:
            raise  # nothing can be written now: the attempt stays open, and the next run doubts it
        except Exception as error:  # noqa: BLE001 - whatever an adapter did, it may have sent: that is a doubt, not a crash
            doubt = DeliveryError(f"the adapter broke off ({_plainly(error)})", ambiguous=True)
            await self._stored(self._failed, action, doubt)

    def _begin(self, action: Action) -> Message | None:
        now = self.clock()
        with self.store.write() as connection:
            known = customers.load(connection, [action.customer_id])[action.customer_id]
            content = dict(action.payload or {})
            if sha256(canonical_json(content)) != action.payload_sha256:
                self._end(connection, action, State.CANCELLED, "its content was changed after it was frozen", now)
                return None
            if not self._may_go(connection, action, known, now):
                return None
            if not outbox.begin_attempt(connection, action, self.owner, now):
                return None
        return _message(action, known.facts.ref, content)

    def _end(self, connection: Connection, action: Action, state: State, why: str, now: datetime) -> None:
        self.summary.count(state, actions.end(connection, action.id, state, why, now))

    def _may_go(self, connection: Connection, action: Action, known: Known, now: datetime) -> bool:
        """Validity, stop events, permission, cap and window, asked again; what may not go ends here, or waits."""
        tz = known.facts.time_zone or self.office.sender.time_zone
        if action.valid_until is not None and action.valid_until < now:
            self._end(connection, action, State.EXPIRED, "its time had passed before it could go out", now)
            return False
        if self._is_over(connection, action, tz, now):
            return False
        standing = permissions.standings(connection, {known.id: known.facts}, self.office.sender.key)[known.id]
        why = refusal(standing, purpose=action.purpose, channel=action.channel)
        if why is not None:
            self._end(connection, action, State.SUPPRESSED, why, now)
            return False
        due_at = self._allowed_from(connection, action, known, now)
        if due_at > now:
            outbox.postpone(connection, action.id, self.owner, due_at)
            return False
        return True

    def _is_over(self, connection: Connection, action: Action, tz: str, now: datetime) -> bool:
        """Whether something has happened since that ends the journey, or this step of it."""
        ending, unless = actions.ending_of(connection, action), action.plan.unless
        happened = [
            one.facts
            for one in events.since(connection, action.customer_id, {*ending.stop_on, unless}, ending.anchor_at)
            if one.id != action.event_id and one.facts.occurred_at <= now
        ]
        stop = next((event for event in happened if ending.comes_with(event)), None)
        if stop is not None:
            reason = f"{stop.kind} on {local_date(stop.occurred_at, tz)}"
            self.summary.count(State.CANCELLED, decisions.stop_journey(connection, action.journey_id, reason, now))
            return True
        gone = replace(ending, stop_on=(unless,))
        came = next((event for event in happened if gone.comes_with(event)), None)
        if came is not None:
            reason = f"{came.kind} came on {local_date(came.occurred_at, tz)}"
            self._end(connection, action, State.CANCELLED, reason, now)
        return came is not None

    def _allowed_from(self, connection: Connection, action: Action, known: Known, now: datetime) -> datetime:
        """When cap, window and quiet let it go."""
        tz = known.facts.time_zone or self.office.sender.time_zone
        cap, free = self.office.cap, now
        if action.purpose != "transactional" and _is_heard(action):
            since = cap.since(now, tz)
            free = cap.allows_from(outbox.heard(connection, [known.id], since), now, tz)
            if cap.household is not None and known.facts.household:
                home = customers.members(connection, [known.facts.household])[known.facts.household]
                free = max(free, cap.home_allows_from(outbox.heard(connection, home, since), now, tz))
        return opens(action.channel, action.plan.window, _quiet(self.office, action, known), free, tz)

    def _failed(self, action: Action, error: DeliveryError) -> None:
        now, again = self.clock(), self._replayable(action.adapter)
        what = after_failure(error, action=action.public_id, attempt=action.attempts + 1, now=now, replayable=again)
        with self.store.write() as connection:
            outbox.close_attempt(
                connection,
                action,
                self.owner,
                state=what.state,
                outcome=what.outcome,
                now=now,
                detail=str(error),
                due_at=what.due_at,
            )
        self.summary.count(what.state)

    def _done(self, action: Action, message: Message, receipt: Receipt) -> None:
        now = self.clock()
        state = State.DELIVERED if receipt.delivered else State.ACCEPTED
        with self.store.write() as connection:
            ours = outbox.close_attempt(
                connection,
                action,
                self.owner,
                state=state,
                outcome="accepted",
                now=now,
                provider_ref=receipt.provider_ref,
                detail=receipt.detail,
            )
            if ours:
                _keep(connection, action, message.customer, receipt, now)
        self.summary.count(state if ours else State.UNKNOWN)


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do these at the same time; what fails is raised when all have come to their end."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _close(adapter: Adapter) -> None:
    """Let it go; one that cannot say goodbye has done its work all the same."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_LIMIT.total_seconds()):
            await adapter.close()


def _is_heard(action: Action) -> bool:
    """Whether the customer hears from us by it."""
    return action.channel not in SILENT_CHANNELS | INTERNAL_CHANNELS


def _keep(connection: Connection, action: Action, customer: str, receipt: Receipt, now: datetime) -> None:
    """Store what the receipt brings, in the transaction that completes the action: once, like the action itself."""
    for record in receipt.records:
        if isinstance(record, LedgerPosting):
            ledger.post(
                connection,
                record,
                transfer=action.public_id,
                customer=(action.customer_id, customer),
                rule_hash=action.rule_hash,
                action=action.id,
                now=now,
            )
        elif isinstance(record, ReferralInvite):
            referrals.invite(connection, record, referrer=action.customer_id, action=action.id, now=now)
        elif isinstance(record, PrintJob):
            outbox.add_print_job(connection, action.id, record.files, record.pages, now)
    outbox.touch(connection, action, now)
