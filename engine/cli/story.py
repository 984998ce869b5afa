"""The closing words of the demo: what was done, where to look, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.cli.display import say, table


def tell(found: dict[str, Any]) -> None:
    """Print the table and what to try next."""
    lived, folder = found["lived"], found["workspace"]
    say("")
    if found["new"]:
        say(f"Termoidraulica Bellini lived from {lived['from']} to {lived['to']}, after three years of history.")
    else:
        done, sent = found["again"]["decide"]["actions"], sum(found["again"]["dispatch"]["states"].values())
        say(f"The firm had lived its days up to {lived['to']}: {done} new actions, {sent} sent.")
    table(f"What was done (look in {folder}, or ask premura)", ("what", "", "why", "where"), _rows(found), right=("",))
    asked = dict.fromkeys(("act", "no", "refused", "holdout"), 0)
    for answer in found["answers"]:
        asked[answer["outcome"]] += answer["number"]
    say(
        f"The rules were asked {sum(asked.values())} times: {asked['act']} yes, {asked['no']} no by a condition, "
        f"{asked['refused']} refused (no consent, an open complaint), {asked['holdout']} left alone to measure by."
    )
    say("")
    say(f"One of each on a page: {found['page']}")
    say("Then ask:")
    for command in _commands(found):
        say(f"  premura {command} -w {folder}")


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    titles = found["titles"]
    for rule, actions in _by_rule(found["mails"]):
        yield "mail", len(actions), titles[rule], "out/mail/new/*.eml"
    for rule, actions in _by_rule(found["cards"]):
        yield "card", len(actions), titles[rule], "out/cards/*.pdf and .png"
    for rule, actions in _by_rule(found["tasks"]):
        yield "task", len(actions), titles[rule], "out/tasks/*.md"
    if found["held"]:
        yield "card", len(found["held"]), "waits for your yes: it costs money", "actions list --state held"
    for rule in sorted({entry["rule_id"] for entry in found["rewards"]}):
        entries = [entry for entry in found["rewards"] if entry["rule_id"] == rule]
        account = entries[-1]["account"].removeprefix("customer:")
        yield "reward", len(entries), titles[rule], f"ledger {account}"
    if found["invites"]:
        yield "invite", len(found["invites"]), titles["referral_ask"], f"explain {found['invites'][-1]['referrer']}"
    for row in found["conversions"]:
        yield "newcomer", 1, f"{row['referrer']} gave them the code {row['code']}", f"explain {row['newcomer']}"


def _by_rule(actions: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for rule in sorted({action["rule"] for action in actions}):
        yield rule, [action for action in actions if action["rule"] == rule]


def _commands(found: dict[str, Any]) -> Iterator[str]:
    if found["cards"]:
        yield f"explain {found['cards'][-1]['customer']}"
    if found["conversions"]:
        yield f"ledger {found['conversions'][0]['referrer']}"
    yield "report clv"
    yield "report channels"
