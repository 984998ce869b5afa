"""Which days are public holidays where: the one place that knows the package `holidays`."""

from __future__ import annotations

import warnings
from datetime import date
from functools import lru_cache

from holidays import country_holidays


@lru_cache(maxsize=4096)
def public_holidays(country: str, region: str, year: int) -> frozenset[date]:
    """The public holidays of a country (ISO 3166-1 alpha-2) in a year, with those of the region, as of a German land.

    A region that the package does not know has the country's own, a country that it does not know has none, and neither
    has a year that is too far.
    """
    for part in (region, "") if region else ("",):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of years that lunar calendars are not worked out for yet
                return frozenset(country_holidays(country, subdiv=part or None, years=year))
        except NotImplementedError:
            continue
    return frozenset()
