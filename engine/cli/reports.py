"""Reports: what the customers are worth, and what the rules did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.display import counts, money, say, show, table
from engine.cli.frame import HERE, Folder, Group, Json, opened
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.config import Shop
    from engine.report.group import Compared
    from engine.report.lift import LiftLine
    from engine.report.sources import SourceLine


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(cls=Group, help="What the customers are worth, and what the rules did.", no_args_is_help=True)
    group.command("clv")(clv)
    group.command("channels")(channels)
    group.command("lift")(lift)
    app.add_typer(group, name="report")


def clv(folder: Folder = HERE, as_json: Json = False) -> None:
    """The customers' worth by tier, how much of it the best tenth holds, and what those of each source bring."""
    from engine.report.stage import report_clv

    with opened(folder, quiet=as_json) as app:
        shop, policy = app.settings.shop, app.settings.score
        found, sources = report_clv(app.store, policy.tiers, _minor(policy.acquisition_cost, shop.currency))

    def human() -> None:
        rows = [
            (tier.tier, tier.customers, money(tier.clv_minor, shop.currency, shop.locale), f"{tier.share:.0%}",
             "–" if tier.mean_p_alive is None else f"{tier.mean_p_alive:.0%}")
            for tier in found.tiers
        ]  # fmt: skip
        table("", ("tier", "customers", "CLV", "share", "mean P(alive)"), rows, right=("customers", "CLV", "share"))
        total = money(found.clv_minor, shop.currency, shop.locale)
        say(f"{found.customers} customers are worth {total}; the best tenth holds {found.top_decile_share:.0%} of it.")
        if any(line.source or line.with_cost for line in sources):
            _sources(sources, shop)

    show({**asdict(found), "sources": sources}, as_json=as_json, human=human)


def _minor(costs: Mapping[str, float], currency: str) -> dict[str, int]:
    """Amounts in whole units, as the configuration has them, to the nearest minor unit."""
    from engine.core.money import exponent

    return {source: round(Decimal(str(cost)).scaleb(exponent(currency))) for source, cost in costs.items()}


def _sources(lines: Sequence[SourceLine], shop: Shop) -> None:
    """Per customer: what he is still expected to bring, what it cost to win him, and what is left."""
    say("By source, per customer: what is still to come, and what it cost to win one.")
    columns = ("source", "customers", "mean CLV", "mean cost", "cost known of", "left")
    rows = [
        (
            line.source or "not known",
            line.customers,
            money(line.mean_clv_minor, shop.currency, shop.locale),
            money(line.mean_cost_minor, shop.currency, shop.locale),
            line.with_cost,
            money(line.net_minor, shop.currency, shop.locale),
        )
        for line in lines
    ]
    table("", columns, rows, right=columns[1:])


def channels(folder: Folder = HERE, as_json: Json = False) -> None:
    """What each rule answered, and where its actions stand."""
    from engine.report.stage import report_channels

    with opened(folder, quiet=as_json) as app:
        found = report_channels(app.store)

    def human() -> None:
        rows = [
            (
                line.rule,
                counts(line.outcomes),
                "; ".join(f"{name}: {counts(said)}" for name, said in line.actions.items()),
            )
            for line in found
        ]
        table("", ("rule", "answers", "actions"), rows)

    show(found, as_json=as_json, human=human)


_SAYS = {"more": "brings more", "less": "brings less", "nothing sure": "nothing is sure yet", "too few": "too few yet"}


def lift(
    within: Annotated[str, typer.Option(help="How long after the draw what a customer pays counts.")] = "P90D",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What each rule brings: customers whom it left alone against as many whom it treated, both drawn at random."""
    from engine.core.calendar import parse_duration
    from engine.report.lift import ALL
    from engine.report.stage import report_lift

    try:
        length = parse_duration(within)
    except ValueError as error:
        raise UsageError(f"--within: {error}") from None
    with opened(folder, quiet=as_json) as app:
        shop, margin = app.settings.shop, app.settings.score.margin
        found = report_lift(app.store, within=length, currency=shop.currency, margin=margin, now=app.clock())

    def human() -> None:
        rows = [row for line in found for row in _lift(line, shop)]
        columns = ("rule", "left alone", "compared", "difference each, 19 of 20")
        table("", columns, rows, right=columns[1:3])
        if not found:
            say("Nobody was drawn yet. (hint: docs/rules.md, Holdout and comparison)")
        elif coming := sum(line.coming for line in found):
            say(f"{coming} more were drawn less than {within} ago and do not count yet.")
        if all(line.rule != ALL for line in found):
            say("All rules together are measured with [holdout] share in premura.toml.")

    show(found, as_json=as_json, human=human)


def _lift(line: LiftLine, shop: Shop) -> Iterator[tuple[str, ...]]:
    """The customers, and what each brought on average: as revenue, and as margin where the shop knows it."""
    groups = [(line.holdout, line.holdout_households), (line.comparison, line.comparison_households)]
    said = [str(customers) if customers == homes else f"{customers} in {homes}" for customers, homes in groups]
    yield line.rule or "all rules", *said, "" if line.holdout or line.comparison else _SAYS["too few"]
    for what, one in (("revenue", line.revenue), ("margin", line.margin)):
        if not (line.holdout or line.comparison) or (what == "margin" and one == line.revenue):
            return
        means = zip((one.holdout_mean_minor, one.comparison_mean_minor), (line.holdout, line.comparison), strict=True)
        each = (money(mean if number else None, shop.currency, shop.locale) for mean, number in means)
        yield f"  {what}", *each, _reading(one, shop)


def _reading(one: Compared, shop: Shop) -> str:
    if one.says == "too few":
        return _SAYS[one.says]
    amounts = (one.difference_minor, one.low_minor, one.high_minor)
    difference, low, high = (money(minor, shop.currency, shop.locale) for minor in amounts)
    return f"{difference} ({low} to {high}): {_SAYS[one.says]}"
