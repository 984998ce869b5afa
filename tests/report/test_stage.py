"""Reports through the front door."""

from __future__ import annotations

from engine.report.stage import report_channels, report_clv
from tests.shop import Shop


def test_reports_add_up_what_was_scored_and_done(shop: Shop) -> None:
    for number in range(1, 6):
        shop.customer(f"C{number}")
        shop.sale("2025-06-01", "80.00", f"C{number}")
        shop.sale("2025-12-01", "90.00", f"C{number}")
        shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", f"C{number}")
    shop.app.score()
    shop.round()

    found = report_clv(shop.app.store, shop.app.settings.score.tiers)
    (line,) = report_channels(shop.app.store)

    assert found.customers == 5
    assert sum(tier.clv_minor for tier in found.tiers) == found.clv_minor > 0
    assert line.outcomes == {"act": 5}
    assert sum(line.actions["email"].values()) == 5
