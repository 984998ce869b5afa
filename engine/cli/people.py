"""Commands about one customer: explain, ledger, customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.display import money, say, show, table, when
from engine.cli.frame import HERE, Folder, Group, Json, opened
from engine.errors import UsageError
from engine.report.reasons import sentences, shortfalls

if TYPE_CHECKING:
    from engine.config import Shop

Who = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Reference, e-mail or name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(explain)
    app.command()(ledger)
    customers = typer.Typer(cls=Group, help="Look at customers; never write to one again.", no_args_is_help=True)
    customers.command("show")(show_customer)
    customers.command("suppress")(suppress)
    app.add_typer(customers, name="customers")


def explain(
    customer: Who,
    rule: Annotated[str, typer.Option("--rule", help="Only this rule, with all that it read.")] = "",
    at: Annotated[
        str, typer.Option("--at", help="As it was known at the end of that day, or at that instant, e.g. 2026-10-05.")
    ] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What was decided about a customer and why; what came of it; why nothing did."""
    from engine import inquiry

    with opened(folder, quiet=as_json) as app:
        shop = app.settings.shop
        instant = _instant(at, shop.time_zone, app.clock()) if at else None
        found = inquiry.explain(app, customer, rule or None, instant)

    def human() -> None:
        say(f"{found['name'] or found['customer']} ({found['customer']})")
        if instant:
            say(f"  As it was known at {when(instant, shop.time_zone)}; names and addresses, and what came of each "
                "decision, are as they are today.")  # fmt: skip
        say(f"  {_score(found['score'], shop) if found['score'] else 'not scored yet'}")
        for line in found["permissions"]:
            say(f"  {line}")
        if not found["decisions"] and not rule:
            say("  No rule has been asked about this customer" + (f" yet: {found['why']}" if found["why"] else "."))
        for decision in found["decisions"]:
            _decision(decision, shop.time_zone)
        _unsaid(found, shop.start, whole=bool(rule))

    show(found, as_json=as_json, human=human)


def _instant(text: str, tz: str, now: datetime) -> datetime:
    """An instant as it is written; of a day its end, and of today now."""
    from engine.core.calendar import at_local, aware, local_date

    try:
        if len(text) == len("2026-10-05"):
            day = date.fromisoformat(text)
            ended = at_local(day + timedelta(days=1), time(0), tz) - timedelta(microseconds=1)
            return now if day == local_date(now, tz) else ended
        found = datetime.fromisoformat(text)
        return aware(found) if found.tzinfo else at_local(found.date(), found.time(), tz)
    except (ValueError, OverflowError):  # the latter: the end of the last day of all
        hint = "a day such as 2026-10-05 or an instant such as 2026-10-05T18:00"
        raise UsageError(f"--at: '{text}' is not {hint}") from None


def _decision(decision: dict[str, Any], tz: str) -> None:
    say("")
    say(f"{when(decision['decided_at'], tz)}  {decision['rule_id']}: {_OUTCOMES[decision['outcome']]}"
        f"  [{decision['occurrence']}, version {decision['rule_hash'][:8]}]")  # fmt: skip
    for sentence in sentences(decision["reasons"]):
        say(f"    {sentence}")
    for action in decision["actions"]:
        reason = f": {action['reason']}" if action["reason"] else ""
        if action["state"] == "waiting":  # its due date is the last one of what it waits for, and the reason says so
            say(f"    → {action['step']} by {action['channel']}{reason}")
            continue
        say(f"    → {action['step']} by {action['channel']}, due {when(action['due_at'], tz)}: "
            f"{action['state']}{reason}")  # fmt: skip
    if decision["exit_reason"]:
        say(f"    the journey ended: {decision['exit_reason']}")


def _unsaid(found: dict[str, Any], start: str, *, whole: bool) -> None:
    """Rules that said nothing, in a line each and what stood in the way; whole: with all that they read."""
    answers = [answer for answer in found["rules"] if not answer["asked"]]
    if answers:
        say("")
        say(f"Why nothing {'else ' if found['decisions'] else ''}came"
            + (f" (what happened before {start} is history):" if start else ":"))  # fmt: skip
    for answer in answers:
        say(f"  {answer['rule']}: {answer['text']}")
        for line in sentences(answer["reasons"]) if whole else shortfalls(answer["reasons"]):
            say(f"      {line}")


def _score(score: dict[str, Any], shop: Shop) -> str:
    alive = "–" if score["p_alive"] is None else f"{score['p_alive']:.0%}"
    worth, low, high = (money(score[name], shop.currency, shop.locale) for name in _WORTH)
    between = "" if score["clv_low_minor"] is None else f" ({low} to {high}, four times out of five)"
    return (
        f"tier {score['tier']}, worth {worth}{between} over the horizon, still a customer with probability {alive}, "
        f"last purchase {_days(score['days_since_purchase'])} before the score"
    )


_WORTH = ("clv_minor", "clv_low_minor", "clv_high_minor")
_OUTCOMES = {
    "act": "yes",
    "no": "no, a condition was false",
    "refused": "no, not permitted",
    "holdout": "left alone on purpose (holdout)",
}


def _days(number: int) -> str:
    return f"{number} day{'s' if number != 1 else ''}"


def ledger(customer: Who, folder: Folder = HERE, as_json: Json = False) -> None:
    """A customer's rewards: every entry with the rule version that granted it, and the balance."""
    from engine import inquiry

    with opened(folder, quiet=as_json) as app:
        found = inquiry.ledger(app, customer)
        tz = app.settings.shop.time_zone

    def human() -> None:
        rows = [
            (when(entry["booked_at"], tz), entry["kind"], f"{entry['amount']:+} {entry['unit']}", entry["memo"],
             f"{entry['rule_id']} {entry['rule_hash'][:8]}")
            for entry in found["entries"]
        ]  # fmt: skip
        table(f"{found['name']} ({found['customer']})", ("booked", "kind", "amount", "for", "by rule version"), rows)
        balance = ", ".join(f"{amount} {unit}" for unit, amount in found["balance"].items()) or "nothing yet"
        say(f"balance: {balance}")

    show(found, as_json=as_json, human=human)


def show_customer(
    customer: Who,
    as_of: Annotated[
        str, typer.Option("--as-of", help="Show the score as it was known at that day's noon, or at that instant.")
    ] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """All that is known of a customer, and the score: the last one, or the one of some day in the past."""
    from engine import inquiry

    with opened(folder, as_of, quiet=as_json) as app:
        found = inquiry.customer(app, customer, app.clock() if as_of else None)
        shop = app.settings.shop

    def human() -> None:
        score = found["score"]
        if score:
            say(f"scored {when(score['scored_at'], shop.time_zone)}: {_score(score, shop)}")
        else:
            say(f"no score is kept from {as_of} or before" if as_of else "not scored yet")
        for name, value in _facts(found["facts"], shop):
            say(f"{name}: {value}")
        for line in found["permissions"]:
            say(line)
        table("", ("date", "amount", "what"), found["purchases"], right=("amount",))

    show(found, as_json=as_json, human=human)


def _facts(facts: Mapping[str, Any], shop: Shop) -> Iterator[tuple[str, object]]:
    """What is known, in words: what the shop itself calls something stands beside what everybody has."""
    for name, value in facts.items():
        if name == "attributes":
            yield from value.items()
        elif name == "acquisition_cost_minor" and value is not None:
            yield "acquisition_cost", money(value, shop.currency, shop.locale)
        elif value not in ("", None):
            yield name, value


def suppress(
    customer: Who,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "asked not to be written to",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Never write to a customer's address again, whatever the rules and consents say."""
    from engine import orders

    with opened(folder, quiet=as_json) as app:
        found = orders.suppress(app, customer, reason)
    word = "will not be written to any more" if found["new"] else "was suppressed already"
    show(found, as_json=as_json, human=lambda: say(f"{found['customer']} {word}"))
