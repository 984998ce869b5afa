"""Stage 5: due actions get their content and go out once, through adapters; the attempt is committed before any I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.calendar import local_date, next_in
from engine.core.facts import LedgerPosting, PrintJob, ReferralInvite
from engine.core.keys import canonical_json, sha256
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS, refusal
from engine.dispatch.freeze import Moment, Sender, body
from engine.dispatch.port import Adapter, Idempotency, Message, Receipt
from engine.dispatch.render import Templates
from engine.dispatch.retry import after_failure
from engine.errors import DeliveryError, EngineError
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
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What dispatch works with: the shop's words, and an adapter by name for each channel."""

    sender: Sender
    templates: Templates
    adapters: Mapping[str, Adapter]
    channels: Mapping[str, str]  # channel -> adapter's name


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of the due actions, by the state they are in now."""

    frozen: int = 0
    held: int = 0
    states: dict[str, int] = field(default_factory=dict)

    def count(self, state: State) -> None:
        """One more action has come to that state."""
        self.states[state] = self.states.get(state, 0) + 1


def prepare(store: Store, office: Office, summary: Summary, *, now: datetime) -> None:
    """Write the content of what is due, and of what a person wants to see first; refuse what can never be sent."""
    while True:
        with store.write() as connection:
            batch = actions.to_freeze(connection, now, BATCH)
            people = customers.load(connection, {action.customer_id for action in batch})
            worth = scores.load(connection, people)
            since = transactions.first_of(connection, people)
            for action in batch:
                known, score = people[action.customer_id], worth.get(action.customer_id)
                tier, first = score.facts.tier if score else "", since.get(action.customer_id)
                _prepare(connection, office, action, known, tier, first, now, summary)
        if not batch:
            return


def _prepare(
    connection: Connection,
    office: Office,
    action: Action,
    known: Known,
    tier: str,
    first: datetime | None,
    now: datetime,
    summary: Summary,
) -> None:
    tz = known.facts.time_zone or office.sender.time_zone
    opens = next_in(action.plan.window, now, tz)
    if action.due_at <= now < opens and action.channel == "email" and action.valid_until is not None:
        actions.schedule(connection, action.id, opens, action.valid_until, now)  # late, and now is no time to ring
        return
    moment = Moment(
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
    )
    name = office.channels[action.channel]
    adapter = office.adapters[name]
    try:
        content = body(moment, office.sender, office.templates).to_json()
        adapter.check(_message(action, known, content))
    except EngineError as error:
        actions.end(connection, action.id, State.REJECTED, str(error), now)
        summary.count(State.REJECTED)
        return
    state = State.HELD if action.plan.approve else State.READY
    actions.freeze(
        connection,
        action.id,
        state,
        adapter=name,
        payload=content,
        sha256=sha256(canonical_json(content)),
        unit_cost_minor=adapter.capability.unit_cost_minor,
    )
    summary.frozen += 1
    summary.held += state is State.HELD


def _message(action: Action, known: Known, content: Mapping[str, object]) -> Message:
    return Message(action=action.public_id, key=action.dedupe_key, customer=known.facts.ref, body=content)


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
    """Send everything that is due. When `stopping` says so the actions in hand are finished and the rest handed back.

    owner: a random id of this worker, under which it holds its leases.
    """
    sender = _Sending(store=store, office=office, summary=summary, owner=owner, clock=clock)
    await asyncio.to_thread(sender.recover)
    while not stopping():
        claimed = await asyncio.to_thread(sender.claim)
        if not claimed:
            break
        while claimed and not stopping():
            now_going = sender.next_group(claimed)
            await asyncio.gather(*(sender.deliver(action) for action in now_going))
            progress(len(now_going))
        if claimed:
            await asyncio.to_thread(sender.hand_back, claimed)
    for adapter in office.adapters.values():
        await adapter.close()


@dataclass(slots=True, kw_only=True)
class _Sending:
    """One worker's way through the outbox."""

    store: Store
    office: Office
    summary: Summary
    owner: str
    clock: Callable[[], datetime]

    def recover(self) -> None:
        """Take up what a worker that died left behind: nothing is lost, nothing is sent twice."""
        safe = [
            name for name, adapter in self.office.adapters.items() if adapter.capability.idempotency is Idempotency.KEY
        ]
        with self.store.write() as connection:
            outbox.release_lost(connection, self.owner, self.clock())
            outbox.replay_unknown(connection, safe)

    def claim(self) -> list[Action]:
        """Take a batch under a lease; what is no longer permitted ends here."""
        now = self.clock()
        with self.store.write() as connection:
            actions.expire(connection, now)
            claimed = outbox.claim(
                connection,
                owner=self.owner,
                now=now,
                until=now + LEASE,
                limit=BATCH,
                adapters=list(self.office.adapters),
            )
            people = customers.load(connection, {action.customer_id for action in claimed})
            going = [action for action in claimed if self._may_go(connection, action, people[action.customer_id], now)]
        if claimed and not going:
            return self.claim()
        return going

    def next_group(self, claimed: list[Action]) -> list[Action]:
        """Take from the front as many actions of one adapter as it may have under way at once."""
        name = claimed[0].adapter
        width = self.office.adapters[name].capability.concurrency
        group: list[Action] = []
        while claimed and claimed[0].adapter == name and len(group) < width:
            group.append(claimed.pop(0))
        return group

    def hand_back(self, rest: list[Action]) -> None:
        """Give back what was claimed but not begun."""
        with self.store.write() as connection:
            outbox.hand_back(connection, [action.id for action in rest], self.owner)

    async def deliver(self, action: Action) -> None:
        """One attempt: commit that it begins, do the I/O, commit what came of it."""
        message = await asyncio.to_thread(self._begin, action)
        if message is None:
            return
        try:
            receipt = await self.office.adapters[action.adapter].send(message)
        except DeliveryError as error:
            await asyncio.to_thread(self._failed, action, error)
        except Exception as error:  # noqa: BLE001 - whatever an adapter did, it may have sent: that is a doubt, not a crash
            doubt = DeliveryError(f"the adapter broke off ({type(error).__name__}: {error})", ambiguous=True)
            await asyncio.to_thread(self._failed, action, doubt)
        else:
            await asyncio.to_thread(self._done, action, message, receipt)

    def _begin(self, action: Action) -> Message | None:
        now = self.clock()
        with self.store.write() as connection:
            known = customers.load(connection, [action.customer_id])[action.customer_id]
            content = dict(action.payload or {})
            if sha256(canonical_json(content)) != action.payload_sha256:
                reason = "its content was changed after it was frozen"
                actions.end(connection, action.id, State.CANCELLED, reason, now)
                self.summary.count(State.CANCELLED)
                return None
            if not self._may_go(connection, action, known, now):
                return None
            if not outbox.begin_attempt(connection, action, self.owner, now):
                return None
        return _message(action, known, content)

    def _may_go(self, connection: Connection, action: Action, known: Known, now: datetime) -> bool:
        """Permission and stop events, asked again; an action that may not go ends here."""
        stop_on, since = actions.journey_of(connection, action)
        stop = events.first_since(connection, action.customer_id, stop_on, since)
        if stop is not None:
            reason = f"{stop.facts.kind} on {stop.facts.occurred_at.date().isoformat()}"
            decisions.stop_journey(connection, action.journey_id, reason, now)
            self.summary.count(State.CANCELLED)
            return False
        standing = permissions.standings(connection, {known.id: known.facts}, self.office.sender.key)[known.id]
        why = refusal(standing, purpose=action.purpose, channel=action.channel)
        if why is None:
            return True
        actions.end(connection, action.id, State.SUPPRESSED, why, now)
        self.summary.count(State.SUPPRESSED)
        return False

    def _failed(self, action: Action, error: DeliveryError) -> None:
        now = self.clock()
        what = after_failure(error, action=action.public_id, attempt=action.attempts + 1, now=now)
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
    if action.channel not in SILENT_CHANNELS | INTERNAL_CHANNELS:
        outbox.touch(connection, action, now)
