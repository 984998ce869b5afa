"""What a template cannot do, and what it is told about a name that is missing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dispatch.render import Templates
from engine.dispatch.sandbox import did_you_mean
from engine.errors import RuleError

CONTEXT: dict[str, Any] = {
    "event": {"items": "boiler", "values": None, "nested": {"a": 1}},
    "customer": {"name": "<b>Giulia</b>"},
    "reward": None,
}


def written(source: str) -> str:
    return Templates({"note/n.en.txt.j2": source}).text("note/n", "en", CONTEXT)


def refusal(source: str) -> str:
    with pytest.raises(RuleError) as error:
        written(source)
    return str(error.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * 'a' }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:>999999999}'['format'](1) }}",
        "{{ ['{:>999999999}'] | map(attribute='format') | first }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'a'.center(999999999) }}",
        "{{ '1'.zfill(999999999) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a' | indent(999999999) }}",
        "{{ '%s' | format(event) }}",
        "{{ [1, 2] | random }}",
        "{{ customer.name | safe }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ cycler('a', 'b') }}",
        "{{ namespace() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ event.__class__ }}",
        "{{ event.update({'a': 1}) }}",
        "{{ self.__init__ }}",
        "{% include 'note/n.en.txt.j2' %}",
        "{{ 1 / 0 }}",
    ],
)
def test_what_a_template_cannot_do(source: str) -> None:
    assert refusal(source).startswith("templates/note/n.en.txt.j2:1: T00")


def test_small_products_are_fine() -> None:
    assert written("{{ '-' * 10 }} {{ 3 * 4 }} {{ 7 % 4 }}") == "---------- 12 3"


def test_fields_come_before_methods() -> None:
    assert written("{{ event.items }} {{ event['items'] }} {{ event.nested.a }}") == "boiler boiler 1"
    assert "has no field 'keys'" in refusal("{{ event.keys }}")
    assert "has no field 'keys'" in refusal("{{ event['keys'] }}")


def test_methods_of_text_work() -> None:
    assert written("{{ 'abc'.upper() }} {{ 'a-b'.split('-') | join('+') }}") == "ABC a+b"


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        ("{{ custmer.name }}", "'custmer' is not known", "did you mean 'customer'?"),
        ("{{ zzz }}", "'zzz' is not known", "templates know shop, customer"),
        ("{{ customer.nmae }}", "'customer' has no field 'nmae'", "did you mean 'name'?"),
        ("{% if event.what %}x{% endif %}", "'event' has no field 'what'", "{% if event.what is defined %}"),
        ("{{ reward.points }}", "'points' is asked of something that is not there", "write {% if ... %} around it"),
        ("{{ reward }}", "there is nothing to print", "write {% if ... %} around it"),
        ("{{ event.values }}", "there is nothing to print", "write {% if ... %} around it"),
    ],
)
def test_what_is_missing_is_named(source: str, said: str, hint: str) -> None:
    text = refusal("first line\n\n" + source)
    assert text.startswith("templates/note/n.en.txt.j2:3: T00")
    assert said in text
    assert hint in text.partition("(hint: ")[2]


def test_a_template_may_ask_whether_something_is_there() -> None:
    asked = (
        "{% if event.what is defined %}{{ event.what }}{% else %}nothing{% endif %} {{ event.who | default('nobody') }}"
    )
    assert written(asked) == "nothing nobody"


def test_text_is_as_it_is_and_html_is_escaped() -> None:
    sources = {
        "email/m.en.txt.j2": "Subject: s\n\n{{ customer.name }}",
        "email/m.en.html.j2": "<p>{{ customer.name }}</p>",
    }
    mail = Templates(sources).email("email/m", "en", CONTEXT)
    assert mail.text == "<b>Giulia</b>\n"
    assert "<p>&lt;b&gt;Giulia&lt;/b&gt;</p>" in mail.html


def test_did_you_mean() -> None:
    assert did_you_mean("nmae", ["name", "email"]) == "did you mean 'name'?"
    assert did_you_mean("xyz", ["name", "email"]) == ""
