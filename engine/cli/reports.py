"""Reports: what the customers are worth, and what the rules did."""

from __future__ import annotations

import typer

from engine.cli.display import counts, money, say, show, table
from engine.cli.frame import HERE, Folder, Json, opened


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What the customers are worth, and what the rules did.", no_args_is_help=True)
    group.command("clv")(clv)
    group.command("channels")(channels)
    app.add_typer(group, name="report")


def clv(folder: Folder = HERE, as_json: Json = False) -> None:
    """The customers' worth by tier, and how much of it the best tenth holds."""
    from engine.report.stage import report_clv

    with opened(folder, quiet=as_json) as app:
        found = report_clv(app.store, app.settings.score.tiers)
        shop = app.settings.shop

    def human() -> None:
        rows = [
            (tier.tier, tier.customers, money(tier.clv_minor, shop.currency, shop.locale), f"{tier.share:.0%}",
             "–" if tier.mean_p_alive is None else f"{tier.mean_p_alive:.0%}")
            for tier in found.tiers
        ]  # fmt: skip
        table("", ("tier", "customers", "CLV", "share", "mean P(alive)"), rows, right=("customers", "CLV", "share"))
        total = money(found.clv_minor, shop.currency, shop.locale)
        say(f"{found.customers} customers are worth {total}; the best tenth holds {found.top_decile_share:.0%} of it.")

    show(found, as_json=as_json, human=human)


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
