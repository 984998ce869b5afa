"""The scenes that the last sixty days always hold, whatever the seed, so that a demo of those days has all to show.

Each role is a customer of the firm like the others, but its jobs are written down here. `ago` counts days before today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from engine.demo.chance import Chance, pick
from engine.demo.lives import COMPANY, REGULAR, Kind
from engine.demo.story import Complaint, Visit
from engine.demo.work import BOILER, COOLING, COOLING_SERVICE, PARTS, REPAIR, SERVICE, THERMOSTAT, Job, workday

CUSTOMERS_NEEDED, DAYS_NEEDED = 60, 800
"""With fewer customers, or a shorter history, nobody plays a role."""
Script = Callable[[Chance, date], tuple[Visit, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One customer of the cast: when they first called, who sent them (a role's name), and what happens to them."""

    name: str
    joined: int
    script: Script
    sent_by: str = ""
    kind: Kind = REGULAR


def _job(rng: Chance, today: date, ago: int, job: Job) -> Visit:
    what, low, high = pick(rng, job.whats)
    cents = low + (high - low) // 2 // job.step * job.step
    return Visit(job=job, what=what, cents=cents, done_on=workday(today - timedelta(days=ago)))


def _dearest(rng: Chance, today: date, ago: int, job: Job, *, quoted: int) -> Visit:
    what, _, cents = max(job.whats, key=lambda item: item[2])
    plain = _quote(rng, today, quoted, job, answered=quoted - 5, answer="accepted")
    return replace(plain, what=what, cents=cents, done_on=workday(today - timedelta(days=ago)))


def _quote(rng: Chance, today: date, ago: int, job: Job, *, answered: int = 0, answer: str = "") -> Visit:
    return replace(
        _job(rng, today, ago, job),
        quoted_on=workday(today - timedelta(days=ago)),
        answered_on=workday(today - timedelta(days=answered)) if answer else None,
        answer=answer,
        done_on=None,
    )


def _praises(*before: int, ago: int) -> Script:
    def script(rng: Chance, today: date) -> tuple[Visit, ...]:
        past = (_job(rng, today, day, SERVICE) for day in before)
        return (*past, replace(_job(rng, today, ago, REPAIR), rating=5))

    return script


def _newcomer(job: Job, ago: int) -> Script:
    return lambda rng, today: (_job(rng, today, ago, job),)


def _complains_at_once(rng: Chance, today: date) -> tuple[Visit, ...]:
    """The thanks are decided before the evening's complaint, and must not go out after it."""
    angry = Complaint(what=THERMOSTAT.complaints[0], after=0)
    return _job(rng, today, 410, SERVICE), replace(_job(rng, today, 24, THERMOSTAT), complaint=angry)


def _complains_for_long(rng: Chance, today: date) -> tuple[Visit, ...]:
    """A complaint that is still open when a parcel and another service call come by."""
    angry = Complaint(what=REPAIR.complaints[1], after=2)
    first = replace(_job(rng, today, 45, REPAIR), complaint=angry)
    return _job(rng, today, 500, SERVICE), first, _job(rng, today, 21, PARTS), _job(rng, today, 12, SERVICE)


def _is_appeased(rng: Chance, today: date) -> tuple[Visit, ...]:
    job = _job(rng, today, 36, REPAIR)
    settled = Complaint(
        what=REPAIR.complaints[2], after=1, resolved_after=5, reworked=True, refund_cents=job.cents // 5
    )
    return _job(rng, today, 395, SERVICE), replace(job, complaint=settled)


def _sends_back(rng: Chance, today: date) -> tuple[Visit, ...]:
    return _job(rng, today, 300, COOLING_SERVICE), replace(_job(rng, today, 26, PARTS), returned_after=4)


def _spends_much(rng: Chance, today: date) -> tuple[Visit, ...]:
    past = tuple(_job(rng, today, ago, SERVICE) for ago in (700, 430, 180))
    boiler = _dearest(rng, today, 36, BOILER, quoted=48)
    return (*past, boiler, replace(_dearest(rng, today, 17, COOLING, quoted=27), rating=5))


def _spends_much_as_a_firm(rng: Chance, today: date) -> tuple[Visit, ...]:
    past = tuple(_job(rng, today, ago, SERVICE) for ago in (640, 380))
    return (*past, _job(rng, today, 250, PARTS), _dearest(rng, today, 23, BOILER, quoted=40))


def _takes_time(rng: Chance, today: date) -> tuple[Visit, ...]:
    accepted = _quote(rng, today, 31, BOILER, answered=26, answer="accepted")
    return _job(rng, today, 420, REPAIR), replace(accepted, done_on=workday(today - timedelta(days=16)))


def _keeps_silent(rng: Chance, today: date) -> tuple[Visit, ...]:
    return _job(rng, today, 440, SERVICE), _quote(rng, today, 29, COOLING)


def _declines(rng: Chance, today: date) -> tuple[Visit, ...]:
    return _job(rng, today, 350, SERVICE), _quote(rng, today, 38, BOILER, answered=32, answer="declined")


ROLES = (
    Role(name="first promoter", joined=405, script=_praises(400, ago=57)),
    Role(name="second promoter", joined=760, script=_praises(755, 390, ago=46)),
    Role(name="first newcomer", joined=32, script=_newcomer(REPAIR, 28), sent_by="first promoter"),
    Role(name="second newcomer", joined=15, script=_newcomer(SERVICE, 10), sent_by="second promoter"),
    Role(name="complains at once", joined=415, script=_complains_at_once),
    Role(name="complains for long", joined=505, script=_complains_for_long),
    Role(name="is appeased", joined=400, script=_is_appeased),
    Role(name="sends back", joined=305, script=_sends_back),
    Role(name="spends much", joined=705, script=_spends_much),
    Role(name="spends much as a firm", joined=645, script=_spends_much_as_a_firm, kind=COMPANY),
    Role(name="takes time", joined=425, script=_takes_time),
    Role(name="keeps silent", joined=445, script=_keeps_silent),
    Role(name="declines", joined=355, script=_declines),
)
