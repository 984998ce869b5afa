"""Rule files: what they become, what is wrong with broken ones, the rules that ship, and what docs/rules.md says."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.check import shown
from engine.core.actions import Plan, Wait
from engine.core.calendar import Duration, Window
from engine.core.keys import sha256
from engine.core.permission import PURPOSES
from engine.core.toml_places import excerpt
from engine.decide import shape
from engine.decide.rule import Rule, load
from engine.decide.rule_file import CODES
from engine.decide.vocabulary import vocabulary
from engine.errors import Fault, RuleError

ROOT = Path(__file__).parents[2]
BROKEN = sorted((ROOT / "tests" / "rules_broken").glob("*.toml"))
SHIPPED = {f"rules/{path.name}": path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").glob("*.toml"))}
DOCS = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
WORDS = vocabulary()
TEMPLATES = tuple(
    sorted(
        {
            f"{path.parent.name}/{path.name.partition('.')[0]}"
            for path in (ROOT / "templates").glob("*/*.j2")
            if not path.name.startswith("_")
        }
    )
)
NOT_PUT_TO_THE_TEST = ("positive_feedback_thanks", "vip_care")
SMALL = """id = "small"
title = "Say hello"
purpose = "relationship"
[on]
event = "quote.sent"
[[step]]
id = "mail"
channel = "email"
template = "email/hello"
"""


def _load(text: str, name: str = "rules/small.toml") -> Rule:
    (rule,) = load({name: text}, vocabulary=WORDS, templates=("email/hello", "note/hello"))
    return rule


def _faults(text: str, name: str = "rules/small.toml") -> tuple[Fault, ...]:
    with pytest.raises(RuleError) as caught:
        _load(text, name)
    return caught.value.faults


def test_a_rule_file_becomes_a_rule() -> None:
    rules = {rule.id: rule for rule in load(SHIPPED, vocabulary=WORDS, templates=TEMPLATES)}
    rule = rules["service_thank_you"]

    assert rule.name == "Thank the customer after a service call"
    assert rule.title == {"en": rule.name, "it": "Ringraziare il cliente dopo un intervento"}
    assert (rule.purpose, rule.holdout) == ("relationship", 0.1)
    assert (rule.trigger.kind, rule.trigger.what) == ("event", "service_call.completed")
    assert rule.when is not None
    assert rule.when.source == "!customer.has_open_complaint"
    assert rule.stop_on == ("complaint.opened", "service_call.reworked")
    assert rule.again_after == Duration(days=90)
    assert rule.file == "rules/service_thank_you.toml"
    assert rule.hash == sha256(rule.text) == sha256(SHIPPED[rule.file])
    mail, note = rule.steps
    assert (mail.id, mail.channel, mail.after, mail.when) == ("mail", "email", Duration(days=1), None)
    assert mail.plan == Plan(
        template="email/service_thank_you",
        window=Window(days=frozenset(range(6)), start=time(10), end=time(16)),
        valid_for=Duration(days=5),
    )
    assert note.when is not None
    assert note.when.source == "score.tier == 'gold' || event.amount > 800.0"
    assert note.plan.approve


def test_what_is_left_out_has_a_default() -> None:
    rule = _load(SMALL)

    assert (rule.holdout, rule.when, rule.stop_on, rule.again_after) == (0.1, None, (), None)
    (step,) = rule.steps
    assert (step.after, step.when) == (Duration(), None)
    assert step.plan == Plan(template="email/hello")


def test_transactional_rules_hold_nobody_out_unless_they_say_so() -> None:
    text = SMALL.replace("relationship", "transactional")

    assert _load(text).holdout == 0
    assert _load(text.replace("\n[on]", "\nholdout = 0.2\n[on]")).holdout == 0.2


def test_a_doubt_is_for_a_person_unless_the_step_says_otherwise() -> None:
    assert _load(SMALL).steps[0].plan.if_unknown == "ask"
    for said in ("ask", "resend"):
        step = _load(f'{SMALL}if_unknown = "{said}"\n').steps[0]
        assert step.plan.if_unknown == said
        assert Plan.from_json(dict(step.planned)) == step.plan


def test_a_worth_is_an_amount_or_not_known() -> None:
    assert _load(SMALL).worth_micro is None
    for said, micro in (("25", 25_000_000), ("0.1", 100_000), ("0", 0), ("1e9", 10**15)):
        assert _load(SMALL.replace("\n[on]", f"\nworth = {said}\n[on]")).worth_micro == micro


@pytest.mark.parametrize(
    ("start", "kind", "what"),
    [
        ('event = "quote.sent"', "event", "quote.sent"),
        ('date = "customer.birthday"', "date", "customer.birthday"),
        ("score = \"tier == 'gold'\"", "score", "tier == 'gold'"),
        ('sweep = "daily"', "sweep", "daily"),
    ],
)
def test_what_starts_a_rule(start: str, kind: str, what: str) -> None:
    trigger = _load(SMALL.replace('event = "quote.sent"', start)).trigger

    assert (trigger.kind, trigger.what) == (kind, what)
    assert (trigger.condition is not None) is (kind == "score")


def test_a_score_trigger_holds_its_condition() -> None:
    trigger = _load(SMALL.replace('event = "quote.sent"', 'score = "p_alive < 0.3"')).trigger

    assert trigger.condition is not None
    assert trigger.condition.holds({"score.p_alive": 0.2})


@pytest.mark.parametrize(
    ("written", "options"),
    [("points = 50", {"points": 50}), ('amount = "15.00"', {"amount": "15.00"}), ('amount = "15"', {"amount": "15"})],
)
def test_a_reward_is_points_or_an_amount(written: str, options: dict[str, Any]) -> None:
    rule = _load(SMALL + f'[[step]]\nid = "gift"\nchannel = "reward"\n{written}\n')

    assert rule.steps[1].plan.options == options
    assert rule.steps[1].plan.template == ""


@pytest.mark.parametrize("channel", ["note", "email"])
def test_words_come_from_the_templates_of_the_channel(channel: str) -> None:
    assert _load(SMALL.replace('"email', f'"{channel}')).steps[0].plan.template == f"{channel}/hello"


def test_a_window_may_say_only_a_part() -> None:
    window = _load(SMALL + 'window = { from = "09:30" }\n').steps[0].plan.window

    assert window == Window(start=time(9, 30))


def test_plans_survive_their_journey_through_the_store() -> None:
    for rule in load(SHIPPED, vocabulary=WORDS, templates=TEMPLATES):
        for step in rule.steps:
            assert Plan.from_json(step.plan.to_json()) == step.plan


def test_own_words_of_the_shop_can_be_used() -> None:
    words = vocabulary(attributes={"boiler": "string"}, events={"boiler.inspected": {"pressure": "double"}})
    text = SMALL.replace('"quote.sent"', '"boiler.inspected"\nwhen = "event.pressure < 1.0"')

    (rule,) = load({"small.toml": text}, vocabulary=words, templates=("email/hello",))

    assert rule.trigger.what == "boiler.inspected"


def test_rules_come_in_the_order_of_their_ids() -> None:
    files = {"z/b.toml": SMALL.replace("small", "b"), "z/c.toml": SMALL.replace("small", "c"), "a.toml": SMALL}
    files["a.toml"] = SMALL.replace("small", "a")

    assert [rule.id for rule in load(files, vocabulary=WORDS, templates=("email/hello",))] == ["a", "b", "c"]


def test_the_hash_follows_the_text_and_not_how_the_editor_ends_lines() -> None:
    assert _load(SMALL).hash != _load(SMALL + "# changed\n").hash
    assert _load("\ufeff" + SMALL.replace("\n", "\r\n")).hash == _load(SMALL).hash


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: str(path.stem))
def test_a_broken_file_gives_exactly_its_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = text.partition("\n")[0].removeprefix("# ")

    (fault,) = _faults(text, path.name)

    assert str(fault) == expected
    assert fault.line > 0
    assert fault.column > 0
    assert fault.hint


def test_there_is_a_broken_file_for_every_code() -> None:
    found = {code for path in BROKEN for code in re.findall(r"\bR\d{3}\b", path.read_text(encoding="utf-8"))}

    assert found == set(CODES) - {"R007"}  # that one takes two files


def test_all_faults_of_all_files_come_at_once_in_order() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in BROKEN}

    with pytest.raises(RuleError) as caught:
        load(files, vocabulary=WORDS, templates=("email/hello", "note/hello"))

    assert len(caught.value.faults) == len(BROKEN)
    assert [fault.file for fault in caught.value.faults] == sorted(files)


def test_a_copy_in_a_folder_is_no_second_rule() -> None:
    files = {"rules/small.toml": SMALL, "rules/old/small.toml": SMALL}

    with pytest.raises(RuleError) as caught:
        load(files, vocabulary=WORDS, templates=("email/hello",))

    assert str(caught.value) == (
        "rules/old/small.toml:1:6: R007 rules/small.toml has the id 'small' already"
        " (hint: move one of them out of rules/, or rename it)"
    )


def test_all_faults_of_one_file_come_at_once() -> None:
    text = """title = ""
purpose = "relationship"
colour = "red"
[on]
event = "quote.sent"
when = "event.amount > 800 && score.teir == 'gold'"
[journey]
stop_on = ["quote.acepted", "quote.declined", 7]
[[step]]
id = "mail"
channel = "email"
after = "2D"
window = { days = "lun", from = "9" }
[[step]]
id = "gift"
channel = "reward"
template = "email/hello"
approve = "yes"
when = "tier == 'gold'"
"""

    assert [(fault.line, fault.column, fault.code) for fault in _faults(text)] == [
        (1, 1, "R003"),  # id
        (1, 9, "R004"),
        (3, 1, "R002"),
        (6, 22, "R033"),
        (6, 31, "R031"),
        (8, 12, "R019"),
        (8, 47, "R004"),
        (9, 1, "R021"),
        (12, 9, "R014"),
        (13, 19, "R015"),
        (13, 33, "R015"),
        (14, 1, "R022"),
        (17, 1, "R021"),
        (18, 11, "R004"),
        (19, 9, "R031"),
    ]


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ('when = "event.amount > 800"', 6, 22),
        ("when = 'event.amount > 800'", 6, 22),
        ('when = "event.what == \\"\\u00e8\\" && event.amount > 800"', 6, 50),
        ('when = """event.amount > 800"""', 6, 24),
        ('when = """\nevent.amount > 800"""', 7, 14),
        ("when = '''\n\n   event.amount > 800'''", 8, 17),
        ('when = """\ntrue && \\\n   event.amount > 800"""', 8, 17),
    ],
)
def test_a_fault_in_a_condition_has_its_place_in_the_file(written: str, line: int, column: int) -> None:
    (fault,) = _faults(SMALL.replace("[[step]]", f"{written}\n[[step]]"))

    assert (fault.line, fault.column, fault.code) == (line, column, "R033")


def test_the_caret_points_at_the_fault() -> None:
    text = SMALL.replace("[[step]]", 'when = "event.amount > 800"\n[[step]]')
    (fault,) = _faults(text)

    assert excerpt(text, fault.line, fault.column) == ('    when = "event.amount > 800"\n                         ^')


def test_of_an_unknown_event_no_field_is_called_unknown_but_the_rest_is_checked() -> None:
    text = SMALL.replace('"quote.sent"', '"quote.snet"\nwhen = "event.amount > 800.0 && score.teir == \'gold\'"')

    assert [(fault.code, fault.column) for fault in _faults(text)] == [("R011", 9), ("R031", 33)]


@pytest.mark.parametrize("raw", ["on = 3", "on = []", "[[on]]", "[on.event]", "step = 3", "step = [1]", "journey = 3"])
def test_tables_of_another_shape_are_faults_like_others(raw: str) -> None:
    head = SMALL.partition("[on]")[0]

    assert {fault.code for fault in _faults(f"{head}{raw}\n")} <= {"R003", "R004", "R010"}


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ('"Say hello"', "“Say hello”", (2, 9), 'write straight quotes: "…"'),
        ("[on]", "holdout = 10%\n[on]", (4, 13), "a share is a number: 0.10"),
        ('"relationship"', '"relationship"\ntitle = "x"', (4, 12), "it is said above already"),
        ("[[step]]", "[on]\n[[step]]", (6, 4), "that table is there already"),
        ("email/hello", "email\\hello", (9, 20), "write / for \\, or single quotes around the text"),
        ("[[step]]", "[[step]]\napprove = True", (7, 11), "write true or false, in small letters"),
        ("[[step]]", '[[step]]\nwindow = {\ndays = "mon" }', (7, 11), "what stands between { and } stands in one line"),
        ("purpose =", "purpose\u00a0=", (3, 8), "there is a blank in this line that is none: type it anew"),
        ("[[step]]", "[[steps]]", (6, 1), "did you mean 'step'?"),
        ("[on]", "[[on]]", (4, 1), "write [on], in single brackets"),
        ('"quote.sent"', '["quote.sent"]', (5, 9), "one event starts a rule: make it two rules"),
        (
            '"quote.sent"',
            '"preventivo.inviato"',
            (5, 9),
            'docs/rules.md lists what there is; your own are declared in premura.toml: [events."preventivo.inviato"]',
        ),
        ('event = "quote.sent"', 'date = "birthday"', (5, 8), "did you mean 'customer.birthday'?"),
        (
            'event = "quote.sent"',
            "date = 2026-12-20",
            (5, 8),
            'for a day of the calendar write sweep = "daily" and when = "now.month == 12 && now.day == 20"',
        ),
        ("email/hello", "templates/email/hello.it.txt.j2", (9, 12), "did you mean 'email/hello'?"),
        ("[[step]]", '[[step]]\nafter = "P24H"', (7, 9), "write PT24H"),
        ("[[step]]", "[[step]]\nafter = 2", (7, 9), 'a day is "P1D": write "P2D" for days'),
        ("[[step]]", '[[step]]\nwindow = { days = "Mon - Fri" }', (7, 19), "write mon-fri"),
        ("[[step]]", '[[step]]\nwindow = { days = ["mon"] }', (7, 19), 'write days = "mon,wed,fri"'),
        ("[[step]]", '[[step]]\nwindow = { to = "24:00" }', (7, 17), "leave it out, and it is open until midnight"),
        ("[[step]]", "[[step]]\namount = 15.0", (7, 10), 'write it in quotes: "15.00"'),
    ],
)
def test_a_slip_is_told_with_what_was_meant(old: str, new: str, place: tuple[int, int], hint: str) -> None:
    found = [(fault.line, fault.column, fault.hint) for fault in _faults(SMALL.replace(old, new, 1))]

    assert (*place, hint) in found


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("count_purchases > 3", "write count_purchases('P90D')"),
        ("has_event('purchase')", "count_purchases('P90D') > 0 asks about sales"),
        ("0.1 < score.clv < 9.5", "compare twice, joined by &&: 0.1 < score.p_alive && score.p_alive < 0.3"),
        ("customer.has_email == 'true'", "true and false stand without quotes"),
        ("known(score)", "name one value, such as score.p_alive"),
        ("score.p_alive < 30%", "write 0.3 for 30 %"),
        ("score.p_alive < 30% && now.day == 1", "write 0.3 for 30 %"),
        ("(" * 200 + "true" + ")" * 200, "make it two rules"),
    ],
)
def test_a_slip_in_a_condition_is_told_with_what_was_meant(when: str, hint: str) -> None:
    faults = _faults(SMALL.replace("[[step]]", f'when = "{when}"\n[[step]]'))

    assert [fault.hint for fault in faults] == [hint]


def test_an_attribute_is_found_by_its_own_name() -> None:
    words = vocabulary(attributes={"boiler": "string"})
    text = SMALL.replace("[[step]]", "when = \"customer.boiler == 'x'\"\n[[step]]")

    with pytest.raises(RuleError, match=r"did you mean 'customer\.attributes\.boiler'"):
        load({"rules/small.toml": text}, vocabulary=words, templates=("email/hello",))


WORD = st.sampled_from(
    ["small", "email", "reward", "email/hello", "P1D", "P0D", "quote.sent", "10:00", "mon", "", "a\nb"]
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    WORD | st.integers() | st.floats() | st.booleans() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "from", "to", "days", "a\nb"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def _table(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys), ANYTHING, max_size=len(keys))


STEP = _table("id", "channel", "template", "after", "when", "window", "valid_for", "approve", "points", "amount", "x")
FILES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "title", "purpose", "holdout", "x"), ANYTHING),
        "on": _table("event", "date", "score", "sweep", "when", "x") | ANYTHING,
        "journey": _table("stop_on", "again_after", "x") | ANYTHING,
        "step": st.lists(STEP, max_size=2) | ANYTHING,
    },
)


@settings(deadline=None)
@given(FILES)
def test_whatever_a_file_holds_there_are_only_faults_with_a_place_and_a_hint(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)

    try:
        _load(text)
    except RuleError as error:
        for fault in error.faults:
            assert fault.code in CODES
            assert 1 <= fault.line <= text.count("\n") + 1
            assert fault.column >= 1
            assert fault.hint
            assert "\n" not in str(fault)


@settings(deadline=None)
@given(st.text(st.sampled_from("id = \"[]on'.#{}\n\\=step,1"), max_size=60))
def test_whatever_a_text_is_there_are_only_faults(text: str) -> None:
    assert _faults(text)


def test_the_shipped_rules_use_exactly_the_shipped_templates() -> None:
    rules = load(SHIPPED, vocabulary=WORDS, templates=TEMPLATES)

    used = {step.plan.template for rule in rules for step in rule.steps} - {""}
    assert used == set(TEMPLATES)


@pytest.mark.parametrize(
    ("rule", "purpose", "start", "steps"),
    [
        ("anniversary", "relationship", "customer.first_purchase", ["note P0D", "reward P0D", "email P0D"]),
        ("birthday", "relationship", "customer.birthday", ["note P0D", "email P0D"]),
        ("complaint_recovery", "transactional", "complaint.opened", ["task P0D", "task P2D"]),
        ("cross_sell", "marketing", "delivery.completed", ["email P21D"]),
        ("csat_ask", "relationship", "service_call.completed", ["email P9D", "task P0D"]),
        ("delivery_checkin", "relationship", "delivery.completed", ["email P2D"]),
        ("delivery_delay", "transactional", "delivery.promised.promised_on", ["task P1DT8H", "email P1DT9H"]),
        ("easy_return", "transactional", "return.opened", ["email P0D"]),
        ("maintenance_due", "relationship", "service_call.completed", ["email P-30D", "email P-7D", "task P7D"]),
        ("points_expiring", "relationship", "points.expiring.expires_on", ["email P-30D", "email P-7D"]),
        ("positive_feedback_thanks", "relationship", "review.received", ["task P0D", "note P1D"]),
        ("quote_followup", "relationship", "quote.sent", ["email P1D", "email P3D", "task P7D", "email P14D"]),
        ("referral_ask", "marketing", "review.received", ["referral PT1H", "email PT2H"]),
        ("referral_reward", "transactional", "referral.converted", ["reward P14D", "email P14DT1H"]),
        ("referral_welcome", "transactional", "referral.joined", ["reward P14D", "email P14DT1H"]),
        ("refund_apology", "transactional", "refund.completed", ["email PT1H", "note P2D"]),
        ("renewal", "relationship", "contract.signed.ends_on", ["email P-45D", "task P-30D", "email P-7D"]),
        ("replenishment", "marketing", "customer.next_purchase", ["email P-3D", "email P7D"]),
        ("review_request", "marketing", "delivery.completed", ["email P10D"]),
        ("service_thank_you", "relationship", "service_call.completed", ["email P1D", "note P2D"]),
        ("sunset", "marketing", "p_alive < 0.1", ["email P0D"]),
        ("vip_care", "relationship", "p_alive < 0.6 && percentile >= 0.8", ["task P0D"]),
        ("welcome_vip", "relationship", "tier == 'gold'", ["email P0D", "note P1D"]),
        ("win_back", "marketing", "p_alive < 0.3 && p_alive >= 0.1", ["email P0D", "note P14D"]),
    ],
)
def test_the_shipped_rules_do_what_the_book_says(rule: str, purpose: str, start: str, steps: list[str]) -> None:
    rules = {one.id: one for one in load(SHIPPED, vocabulary=WORDS, templates=TEMPLATES)}
    found = rules.pop(rule)

    assert (found.purpose, found.trigger.what) == (purpose, start)
    assert [f"{step.channel} {step.after}" for step in found.steps] == steps
    assert found.holdout == (0 if purpose == "transactional" or rule in NOT_PUT_TO_THE_TEST else 0.1)
    assert found.stop_on or rule == "refund_apology"  # nothing undoes a refund


def test_no_shipped_rule_is_missing_here_or_in_the_documentation() -> None:
    ids = {Path(name).stem for name in SHIPPED}

    assert set(re.findall(r"^\| `(\w+)` \|", DOCS.partition("## The rules that come")[2], re.MULTILINE)) == ids
    assert len(ids) == 24


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


def test_the_documentation_shows_a_shipped_rule_as_it_is() -> None:
    assert _blocks("toml")[0] == SHIPPED["rules/service_thank_you.toml"]


def test_the_rule_of_your_own_in_the_documentation_works() -> None:
    (text,) = (block for block in _blocks("toml") if 'id = "contract_thanks"' in block)

    (rule,) = load({"rules/contract_thanks.toml": text}, vocabulary=WORDS, templates=("email/contract_thanks",))

    assert rule.trigger.what == "contract.signed"


def test_the_rule_with_waiting_steps_in_the_documentation_works() -> None:
    (text,) = (block for block in _blocks("toml") if 'id = "how_it_went"' in block)
    templates = ("email/how_it_went", "email/how_it_went_again", "email/review_request")

    (rule,) = load({"rules/how_it_went.toml": text}, vocabulary=WORDS, templates=templates)

    ask, remind, review = rule.steps
    assert (ask.awaits, remind.awaits, review.awaits) == ("", "", "review.received")
    assert (ask.plan.unless, remind.plan.unless) == ("", "review.received")
    assert remind.after == Duration(days=5)
    wait = Wait(
        kind="review.received", within=Duration(days=14), after=Duration(seconds=7200), when="event.rating >= 4"
    )
    assert review.plan.wait == wait
    assert rule.reads == ()  # the condition is asked of another event, at another time


def test_the_faults_in_the_documentation_are_those_that_one_gets(tmp_path: Path) -> None:
    (text,) = _blocks("toml broken")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "contract_thanks.toml").write_text(text, encoding="utf-8")

    with pytest.raises(RuleError) as caught:
        load({"rules/contract_thanks.toml": text}, vocabulary=WORDS, templates=("email/contract_thanks",))

    assert _blocks("text") == [shown(caught.value.faults, tmp_path) + "\n"]


def test_the_documentation_has_every_key_channel_purpose_and_code() -> None:
    keys = [info.alias or name for part in shape.PARTS.values() for name, info in part.model_fields.items()]
    window_keys = ("days", "from", "to")

    assert [key for key in keys if f"| `{key}` |" not in DOCS and key not in window_keys] == []
    assert [key for key in window_keys if f"{key} = " not in DOCS] == []
    assert [channel for channel in shape.CHANNELS if f'`"{channel}"`' not in DOCS] == []
    assert [purpose for purpose in PURPOSES if f"| `{purpose}` |" not in DOCS] == []
    assert [code for code, meaning in CODES.items() if f"| {code} | {meaning} |" not in DOCS] == []
