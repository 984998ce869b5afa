"""The sample, its table in the documentation, and the search for names that no context has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jinja2 import Environment

from engine.core.facts import Address, Customer
from engine.dispatch.proof import misnamed, sample_context
from engine.dispatch.sandbox import NAMES
from tests.dispatch.words import ROOT


def dotted(context: Mapping[str, Any]) -> Iterator[str]:
    for name, value in context.items():
        if isinstance(value, dict):
            yield from (f"{name}.{field}" for field in value)
        else:
            yield name


def faults(source: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.text) for fault in misnamed("t", Environment(autoescape=True).parse(source))]


def test_the_table_in_the_documentation_is_the_sample() -> None:
    page = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    section = page.partition("## What a template may say")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE) == list(dotted(sample_context()))


def test_the_sample_has_every_name_and_only_plain_values() -> None:
    sample = sample_context()
    assert tuple(sample) == NAMES
    for value in sample.values():
        for plain in value.values() if isinstance(value, dict) else [value]:
            assert type(plain).__module__ in ("builtins", "datetime")


def test_nobody_can_spoil_the_sample_of_others() -> None:
    sample_context()["shop"]["name"] = "changed"
    assert sample_context()["shop"]["name"] != "changed"


def test_the_sample_customer_is_named_as_customers_are() -> None:
    sample = sample_context()["customer"]
    person = Customer(ref="C-1", given_name=sample["given_name"], family_name=sample["family_name"], address=Address())
    assert sample["name"] == person.name


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer.name }} {{ event.anything }} {{ today }} {{ locale }} {{ subject }}",
        "{% set a = 1 %}{{ a }}",
        "{% for line in customer.name %}{{ line }}{{ loop.index }}{% endfor %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}",
        '{% import "x" as y %}{{ y.z }}{% from "x" import a, b as c %}{{ a }}{{ c }}',
        "{% if reason is defined %}{{ reason }}{% endif %}",
        "{% if shop.fax is defined %}{{ shop.fax }}{% endif %}",
        "{{ shop.fax | default('') }}{{ other | d('x') }}",
        "{% set customer = event.who %}{{ customer.nick }}",
        "{% block a %}{{ super() }}{% endblock %}{{ self.a() }}",
    ],
)
def test_names_that_are_there(source: str) -> None:
    assert faults(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\n{{ custmer.name }}", (2, "'custmer' is not known")),
        ("{% if false %}\n{{ shop.nmae }}\n{% endif %}", (2, "'shop' has no field 'nmae'")),
        ("{{ a }}{% if b is defined %}{% endif %}", (1, "'a' is not known")),
        ("{{ shop.fax.number }}", (1, "'shop' has no field 'fax'")),
        ("{{ 'x' | replace(shop.a, 'b') }}", (1, "'shop' has no field 'a'")),
        ('{% from "x" import a as c %}{{ a }}', (1, "'a' is not known")),
    ],
)
def test_names_that_are_not(source: str, expected: tuple[int, str]) -> None:
    assert faults(source) == [expected]
