"""When the calendar is looked at: once a local day, and again for whoever changed since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from engine.decide import triggers
from engine.store import leases
from engine.store.latest import Newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the calendar. since: the first day that is looked at. again: not the first of its day, so that only
    those are looked at who changed after `at` or, in the log, `beyond` a place. changed: some customer has."""

    today: date
    since: date
    again: bool
    changed: bool
    at: datetime
    beyond: Newest

    @classmethod
    def after(
        cls, last: leases.Mark | None, today: date, changed: datetime | None, newest: Newest, now: datetime
    ) -> Look | None:
        """The look after that one; None when nothing is new."""
        if last is None:
            return cls(today=today, since=today, again=False, changed=True, at=now, beyond=newest)
        day, event, txn = last.value.split()
        beyond = Newest(event=int(event), txn=int(txn))
        news = changed is not None and changed > last.at
        again = day == today.isoformat()
        if again and not news and beyond == newest:
            return None
        since = max(date.fromisoformat(day), today - triggers.CATCH_UP)
        return cls(today=today, since=since, again=again, changed=news, at=last.at, beyond=beyond)
