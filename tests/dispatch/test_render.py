"""Templates and a context in, words out; and everything that `check` finds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dispatch.render import Templates, check, names
from engine.errors import Fault, RuleError

MAIL = {
    "email/hi.it.txt.j2": "Subject: Ciao {{ customer.name }}\n\nGentile {{ customer.name }},\n{{ 100|money('EUR') }}\n",
    "email/hi.it.html.j2": "<style>p { color: red }</style><p>Gentile {{ customer.name }}</p>",
}
CONTEXT: dict[str, Any] = {"customer": {"name": "Giulia"}, "event": {}}


def mail(name: str = "Giulia", **changes: str) -> Any:
    sources = {**MAIL, **{f"email/hi.it.{part}.j2": source for part, source in changes.items()}}
    return Templates(sources, locale="it_IT").email("email/hi", "it", {"customer": {"name": name}})


def found(sources: dict[str, str], locale: str = "it") -> list[str]:
    return [str(fault) for fault in check(sources, locale=locale)]


def test_a_mail_has_subject_text_and_html() -> None:
    words = mail()
    assert words.subject == "Ciao Giulia"
    assert words.text == "Gentile Giulia,\n1,00 €\n"
    assert '<p style="color: red;">Gentile Giulia</p>' in words.html


def test_styles_stay_for_programs_that_read_them() -> None:
    html = mail(
        html="<head><style>@media (max-width: 620px) { p { margin: 0 !important } }</style></head><p>x</p>"
    ).html
    assert "@media (max-width: 620px)" in html


def test_no_style_sheet_is_fetched() -> None:
    html = mail(html='<head><link rel="stylesheet" href="file:///etc/passwd"></head><p>x</p>').html
    assert "root:" not in html


def test_the_subject_is_the_title_of_the_html() -> None:
    assert "<title>Ciao Giulia</title>" in mail(html="<head><title>{{ subject }}</title></head><p>x</p>").html


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("it_CH", "it_CH"),
        ("it_IT", "it"),
        ("it-it", "it"),
        ("it", "it"),
        ("de_AT", "fr"),
        ("en_GB", "en"),
        ("nonsense", "fr"),
        ("", "fr"),
    ],
)
def test_the_language_falls_back_to_the_shop_s(locale: str, expected: str) -> None:
    sources = {f"note/n.{tag}.txt.j2": tag for tag in ("it", "it_CH", "en", "fr")}
    assert Templates(sources, locale="fr_FR").text("note/n", locale, {}) == expected


def test_the_language_falls_back_to_english_at_last() -> None:
    assert Templates({"note/n.en.txt.j2": "en"}, locale="fr_FR").text("note/n", "it", {}) == "en"


@pytest.mark.parametrize(
    ("shop", "customer", "expected"),
    [("it_IT", "it_CH", "it_CH"), ("it_IT", "de_DE", "it_IT"), ("de_DE", "en_GB", "en_GB"), ("de_DE", "fr_FR", "en")],
)
def test_amounts_follow_the_customer_s_country_within_the_language_written(
    shop: str, customer: str, expected: str
) -> None:
    sources = {"note/n.it.txt.j2": "{{ locale }}", "note/n.en.txt.j2": "{{ locale }}"}
    assert Templates(sources, locale=shop).text("note/n", customer, {}) == expected


def test_names_are_what_rules_may_say() -> None:
    sources = {**MAIL, "note/n.it.txt.j2": "", "email/_base.html.j2": "", "email/_part.it.txt.j2": "", "README.md": ""}
    assert names(sources) == Templates(sources).names == ("email/hi", "note/n")
    assert Templates(sources).tags("email/hi") == ("it",)


def test_a_template_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(RuleError, match=r"templates/email/hl: T003 .*did you mean 'email/hi'"):
        Templates(MAIL).email("email/hl", "it", CONTEXT)


def test_a_template_in_none_of_the_languages_says_which_there_are() -> None:
    with pytest.raises(RuleError, match="T004 only in it "):
        Templates(MAIL, locale="fr").email("email/hi", "de", CONTEXT)


@pytest.mark.parametrize("name", ["a\nb", "a\r\nBcc: x@y.it", "a\0b", "a\x0bb", "a\u2028b", "\x1b[2J"])
def test_a_subject_is_one_line(name: str) -> None:
    with pytest.raises(RuleError, match=r"hi\.it\.txt\.j2:1: T005 the subject cannot be"):
        mail(name)


@pytest.mark.parametrize(
    "text",
    [
        "Gentile,\n\nciao",
        "subject: ciao\n\nciao",
        "Subject: ciao\nciao",
        "",
        "\nSubject: ciao\n\nciao",
        "Subject:  \n\nciao",
    ],
)
def test_the_text_part_begins_with_a_subject(text: str) -> None:
    with pytest.raises(RuleError, match=r"hi\.it\.txt\.j2:1: T005"):
        mail(txt=text)


def test_non_breaking_spaces_become_common_ones_in_text_and_subject_only() -> None:
    words = mail(txt="Subject: {{ 100 | money('EUR') }}\n\na\u202fb", html="<p>{{ 100 | money('EUR') }}</p>")
    assert words.subject == "1,00 €"
    assert words.text == "a b\n"
    assert re.search("1,00(&nbsp;|\xa0)€", words.html)


def test_lines_of_tags_leave_no_trace_and_other_lines_keep_their_end() -> None:
    source = "a\n{% if true %}\nb{% if true %}!{% endif %}\n{# remark #}\n\n{% if false %}\nc\n{% endif %}\n"
    source += "  {% set d = 1 %} {# x #}\n\n\n\nd{# y #}\n{% endif %}"
    assert Templates({"note/n.it.txt.j2": source}).text("note/n", "it", {}) == "a\nb!\n\nd"


def test_a_fault_in_a_part_is_told_of_the_part() -> None:
    sources = {"note/n.it.txt.j2": "a\n{% include 'note/_p.txt.j2' %}", "note/_p.txt.j2": "b\n\n{{ custmer }}"}
    with pytest.raises(RuleError) as error:
        Templates(sources).text("note/n", "it", {})
    (fault,) = error.value.faults
    assert (fault.file, fault.line, fault.hint) == ("templates/note/_p.txt.j2", 3, "did you mean 'customer'?")


def test_a_fault_in_the_body_of_a_mail_has_its_line() -> None:
    with pytest.raises(RuleError, match=r"hi\.it\.txt\.j2:4: T002"):
        mail(txt="Subject: x\n\nGentile,\n{{ custmer }}")
    with pytest.raises(RuleError, match=r"hi\.it\.txt\.j2:1: T002"):
        mail(txt="Subject: {{ custmer }}\n\nGentile,\n")


def test_the_context_is_not_changed() -> None:
    context: dict[str, Any] = {"customer": {"name": "Giulia"}}
    Templates(MAIL).email("email/hi", "it", context)
    assert type(context["customer"]) is dict


@given(
    name=st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Zs", "Cn", "Co")), min_size=1
    )
)
def test_any_name_comes_through(name: str) -> None:
    words = mail(name)
    assert words.subject == f"Ciao {name}"
    assert words.text.startswith(f"Gentile {name},\n")


def test_check_is_silent_about_good_templates() -> None:
    assert check({**MAIL, "note/n.it.txt.j2": "Gentile {{ customer.name }}"}, locale="it") == ()


def test_check_finds_everything_at_once() -> None:
    sources = {
        "email/a.it.html.j2": "<p>\n{% if %}</p>",
        "email/a.it.txt.j2": "Subject: a\n\n{{ customer.nmae }}\n{{ shop.fax }}",
        "email/b.it.html.j2": "<p>b</p>",
        "email/c.it.txt.j2": "Subject: c\n\nc",
        "email/d.it.html.j2": "<p>d</p>",
        "email/d.it.txt.j2": "no subject",
        "email/e.it.html.j2": "{{ 'a' | shout }}",
        "email/e.it.txt.j2": "Subject: {{ }}\n\nx",
        "note/f.it.txt.j2": "{% if years == 1 %}{{ years }}{% else %}{{ yaers }}{% endif %}",
        "note/g.fr.txt.j2": "g",
        "note/h.txt.j2": "h",
        "note/i.xx.txt.j2": "i",
        "note/j.it.txt.j2": "{% include 'zzz' %}",
        "note/k.it.txt.j2": "{{ 1 / 0 }}",
        "note/l.it.html.j2": "l",
    }
    missing = "T003 this part of the template is missing (hint: a mail has a .html.j2 and a .txt.j2)"
    fields = "name, email, phone, website, signature, street, postcode, city, region, privacy"
    naming = "channel/name.language.html.j2 or .txt.j2, such as note/welcome.it.txt.j2; parts begin with _"
    between = "a value stands between {{ and }}"
    written = "docs/templates.md shows how one is written"
    beginning = "does not begin with a subject (hint: the first line is 'Subject: ...', the second is empty)"
    assert [line.removeprefix("templates/") for line in found(sources)] == [
        f"email/a.it.html.j2:2: T001 Expected an expression, got 'end of statement block' (hint: {written})",
        "email/a.it.txt.j2:3: T002 'customer' has no field 'nmae' (hint: did you mean 'name'?)",
        f"email/a.it.txt.j2:4: T002 'shop' has no field 'fax' (hint: it has {fields})",
        f"email/b.it.txt.j2: {missing}",
        f"email/c.it.html.j2: {missing}",
        f"email/d.it.txt.j2:1: T005 {beginning}",
        "email/e.it.html.j2:1: T001 No filter named 'shout'. (hint: docs/templates.md lists the filters)",
        f"email/e.it.txt.j2:1: T001 Expected an expression, got 'end of print statement' (hint: {between})",
        "note/f.it.txt.j2:1: T002 'yaers' is not known (hint: did you mean 'years'?)",
        "note/g: T004 only in fr (hint: add it in English)",
        f"note/h.txt.j2: T007 the name of the file says neither template nor language (hint: {naming})",
        "note/i: T004 only in xx (hint: add it in English)",
        "note/i.xx.txt.j2: T007 there is no language 'xx' (hint: such as it or en)",
        "note/j.it.txt.j2:1: T003 it asks for 'zzz', which is not there",
        "note/k.it.txt.j2:1: T006 division by zero",
        "note/l.it.txt.j2: T003 this part of the template is missing (hint: write it as .txt.j2)",
    ]


def test_check_says_a_fault_of_a_shared_part_once() -> None:
    sources = {"note/_p.j2": "{% endif %}", **{f"note/{name}.it.txt.j2": "{% include 'note/_p.j2' %}" for name in "ab"}}
    assert found(sources) == [
        "templates/note/_p.j2:1: T001 Encountered unknown tag 'endif'. (hint: nothing was opened that this could close)"
    ]


def test_the_folder_is_called_as_the_caller_does() -> None:
    (fault,) = check({"note/n.it.txt.j2": "{{ zzz }}"}, locale="it", folder="shop/templates")
    assert isinstance(fault, Fault)
    assert fault.file == "shop/templates/note/n.it.txt.j2"
