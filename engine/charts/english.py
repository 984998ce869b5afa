"""What the pictures say in English."""

from __future__ import annotations

from types import MappingProxyType

from engine.charts.phrases import Words

ENGLISH = Words(
    language="en",
    actual="what happened",
    predicted="predicted by the model",
    purchases_each="Purchases per customer",
    units=MappingProxyType({"day": ("day", "days"), "week": ("week", "weeks"), "month": ("month", "months")}),
    tracking="Repeat purchases: what happened and what the model predicted",
    tracking_more="{customers} customers; running total.",
    tracking_whole="Over the whole time",
    tracking_unseen="After the dotted line",
    tracking_below="{when} the model is {gap} below what happened.",
    tracking_above="{when} the model is {gap} above what happened.",
    tracking_even="{when} the model is right to a thousandth.",
    tracking_y="Repeat purchases so far",
    calibration="the model has seen this",
    window="and has not seen this",
    frequency="Who bought often before, and what they bought afterwards",
    frequency_more="Mean per customer over the {length} after the calibration, which the model has not seen",
    frequency_x="Repeat purchases during the calibration (below: how many customers)",
    and_more="{count} or more",
    deciles="Predicted and actual purchases, tenth by tenth",
    deciles_more="Customers in ten equal groups; mean per customer in a time that the model has not seen",
    deciles_x="Tenth of the customers (1: the highest prediction)",
    alive="Who is probably still a customer",
    alive_more="First purchase {age} ago. The more often somebody bought, the sooner silence means goodbye.",
    alive_x=MappingProxyType(
        {
            "day": "Days from the first purchase to the last",
            "week": "Weeks from the first purchase to the last",
            "month": "Months from the first purchase to the last",
        }
    ),
    alive_y="Repeat purchases",
    alive_legend="Probability",
    once="bought once: {chance}",
    concentration="The best tenth of the customers hold {share} of the expected value",
    concentration_more="{customers} customers, the most valuable first",
    concentration_x="Share of the customers",
    concentration_y="Share of the expected value",
    best="best {tenth} of the customers:|{share} of the value",
    equal="if all were worth the same",
)
