"""Rules that dates start, as text."""

from __future__ import annotations


def dated(name: str, on: str, *steps: str, journey: str = "") -> str:
    """A rule that writes mails: s0, s1, …, each with such a line about its time."""
    head = f'id = "{name}"\ntitle = "Care"\npurpose = "relationship"\nholdout = 0.0\n[on]\n{on}\n{journey}\n'
    return head + "".join(
        f'[[step]]\nid = "s{number}"\nchannel = "email"\ntemplate = "email/service_thank_you"\n{line}\n'
        for number, line in enumerate(steps)
    )
