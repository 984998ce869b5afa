"""The demo on one page: a mail, a card and an envelope of each rule, what was booked, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes, policy
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 Georgia,serif;color:#2b2b2b;background:#f5f0ea;margin:0 auto;max-width:980px;padding:2rem 1rem}
h1{font-weight:normal}h2{font-weight:normal;border-top:1px solid #d9d0c4;padding-top:1.5rem;margin-top:2.5rem}
iframe{width:100%;height:720px;border:1px solid #d9d0c4;background:#fff;border-radius:4px}
img{max-width:48%;border:1px solid #d9d0c4;border-radius:4px;background:#fff;margin:0 1% 0 0;vertical-align:top}
ul{font:13px/1.6 ui-monospace,monospace;list-style:none;padding:0;color:#555;overflow-wrap:anywhere}
pre{font:15px/1.5 Georgia,serif;white-space:pre-wrap;background:#fff;border:1px solid #d9d0c4;padding:1rem}
table{border-collapse:collapse;font-size:15px}td,th{text-align:left;padding:.2rem 1.2rem .2rem 0}
"""


def page(
    found: Mapping[str, Any],
    mails: Mapping[str, bytes],
    tasks: Mapping[str, str],
    reasons: Mapping[str, Sequence[str]],
) -> str:
    """The page's HTML.

    found: what `result.collect` gives. mails: by rule, one mail as sent; tasks: by rule, the text of one.
    reasons: by an action's id, why it was done.
    """
    lived = found["lived"]
    mailed, drawn, booked, invited = (len(found[name]) for name in ("mails", "cards", "rewards", "invites"))
    handed = len(found["tasks"])
    counted = f"{mailed} mails, {drawn} cards, {booked} rewards and {invited}"
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Premura: the demo</title>",
        f"<style>{_STYLE}</style><h1>Termoidraulica Bellini, {lived['from']} to {lived['to']}</h1>",
        f"<p>{counted} invitations went out by themselves; {handed} tasks were handed to people. One of each:</p>",
        *_examples(found, mails, reasons),
        "<h2>Tasks for your people</h2>",
        *(f"<pre>{escape(text)}</pre>" for _, text in sorted(tasks.items())),
        "<h2>Rewards</h2>",
        _table(("booked", "account", "amount", "rule version"), _rewards(found)),
        "<h2>Invitations and newcomers</h2>",
        _table(("invited", "customer", "code", "who came"), _invites(found)),
    ]
    return "\n".join(parts)


def _examples(
    found: Mapping[str, Any], mails: Mapping[str, bytes], reasons: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for rule, title in found["titles"].items():
        cards = [card for card in found["cards"] if card["rule"] == rule]
        if rule not in mails and not cards:
            continue
        yield f"<h2>{escape(title)}</h2>"
        if rule in mails:
            last = [mail for mail in found["mails"] if mail["rule"] == rule][-1]
            yield _why(last, reasons)
            message = message_from_bytes(mails[rule], policy=policy.default)
            body = message.get_body(("html",))
            html = body.get_content() if body is not None else ""
            yield f"<p><b>{escape(str(message['Subject']))}</b></p><iframe srcdoc='{escape(html)}'></iframe>"
        if cards:
            yield _why(cards[-1], reasons)
            within = f"{found['workspace']}/"  # the page lies there too, so that it can be moved with its pictures
            pictures = [name.removeprefix(within) for name in cards[-1]["files"] if name.endswith(".png")]
            yield "".join(f"<img alt='' src='{escape(name)}'>" for name in pictures)


def _why(action: Mapping[str, Any], reasons: Mapping[str, Sequence[str]]) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in reasons.get(action["id"], ()))
    return (
        f"<p>{escape(action['name'])} ({escape(action['customer'])}), {action['due_at']:%d %B %Y}</p><ul>{lines}</ul>"
    )


def _rewards(found: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for entry in found["rewards"][-12:]:
        account = entry["account"].removeprefix("customer:")
        version = f"{entry['rule_id']} {entry['rule_hash'][:8]}"
        yield f"{entry['booked_at']:%d %B}", account, f"{entry['amount']} {entry['unit']}", version


def _invites(found: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    came = {row["code"]: row["newcomer"] for row in found["conversions"]}
    for row in found["invites"]:
        yield f"{row['at']:%d %B}", row["referrer"], row["code"], came.get(row["code"], "nobody yet")


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{name}</th>" for name in head) + f"</tr>{lines}</table>"
