"""Email to bytes: one multipart/alternative message, the same bytes every time.

Written out here instead of by the standard library's policies, which encode a long List-Unsubscribe into uselessness,
let an international domain become an encoded word, and are twenty times slower. Everything that leaves is 7-bit: names
and subjects as encoded words (RFC 2047), domains in IDNA (RFC 5891), bodies in quoted-printable or base64 (RFC 2045).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

import idna

from engine.core.messages import Email
from engine.errors import DeliveryError

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)  # dot-atom, RFC 5322 3.2.3
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII)
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>", re.ASCII)
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:[+-]\d{4}|GMT)", re.ASCII)
_HEADER_NAME = re.compile(r"[!-9;-~]+", re.ASCII)
_BREAKS = re.compile(r"[\r\n\0]")
_WRITTEN_HERE = re.compile(
    r"from|to|cc|bcc|sender|reply-to|subject|date|message-id|auto-submitted|mime-version|content-.*", re.IGNORECASE
)
_PLAIN_WIDTH = 60  # ASCII text up to here is written as it is; the longest header name keeps the line below 78
_WORD_BYTES = 39  # 52 signs of base64 and 12 around them: "Reply-To: " and one word stay below 76 (RFC 2047, 2)
_LINE_OF_WORDS = 62  # with the header's name, a space and the angle brackets still below 76
_LINE = 998  # RFC 5322, 2.1.1


def to_bytes(email: Email) -> bytes:
    """The message as it is stored or sent, lines ending in CRLF. Raises DeliveryError(permanent) for what cannot be."""
    boundary = "=_" + hashlib.blake2b(_utf8(email.message_id, "Message-ID"), digest_size=12).hexdigest()
    # "=_" occurs in neither encoding: quoted-printable has hex digits behind "=", base64 has no "_".
    lines = [*_headers(email), f'Content-Type: multipart/alternative; boundary="{boundary}"', ""]
    for subtype, content in (("plain", email.text), ("html", email.html)):
        if subtype == "html" and not content:
            continue  # what goes to the shop's own people is plain
        encoding, body = _body(content, subtype)
        lines += [
            f"--{boundary}",
            f'Content-Type: text/{subtype}; charset="utf-8"',
            f"Content-Transfer-Encoding: {encoding}",
            "",
            body,
        ]
    return "\r\n".join([*lines, f"--{boundary}--", ""]).encode("ascii")


def ascii_address(address: str) -> str:
    """The address for an envelope or a header, its domain in IDNA. Raises DeliveryError(permanent)."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _refusal(f"{address!r} is not an e-mail address")
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        what = "" if local.isascii() else " (letters beyond ASCII before the @ cannot be delivered reliably)"
        raise _refusal(f"{address!r} is not an e-mail address that can be written to{what}")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise _refusal(f"{address!r} has a domain that does not exist: {error}") from None
    if not _DOMAIN.fullmatch(domain) or len(domain) > 253:
        raise _refusal(f"{address!r} has a domain that cannot be")
    return f"{local}@{domain}"


def _headers(email: Email) -> Iterator[str]:
    if not _MESSAGE_ID.fullmatch(email.message_id) or len(email.message_id) > 250:
        raise _refusal(f"{email.message_id!r} is not a Message-ID")
    if not _DATE.fullmatch(email.date):
        raise _refusal(f"{email.date!r} is not a date such as Sat, 14 Mar 2026 09:30:00 +0100 (RFC 5322, 3.3)")
    yield "From: " + _mailbox(email.sender_name, email.sender_address)
    yield "To: " + _mailbox(email.to_name, email.to_address)
    if email.reply_to:
        yield "Reply-To: " + ascii_address(email.reply_to)
    yield ("Subject: " + _text(email.subject, "subject")).rstrip()
    yield f"Date: {email.date}"
    yield f"Message-ID: {email.message_id}"
    seen: set[str] = set()
    for name, value in email.headers.items():
        yield _given_header(name, value, seen)
    yield "Auto-Submitted: auto-generated"  # RFC 3834: no vacation notice answers it
    yield "MIME-Version: 1.0"


def _given_header(name: str, value: str, seen: set[str]) -> str:
    """A header that came with the message, on one line however long: a folded List-Unsubscribe breaks signatures."""
    if not _HEADER_NAME.fullmatch(name) or _WRITTEN_HERE.fullmatch(name) or name.lower() in seen:
        raise _refusal(f"{name!r} cannot be given as a header")
    seen.add(name.lower())
    line = f"{name}: {_unbroken(value, name)}"
    if not value.isascii() or not value.isprintable():
        raise _refusal(f"the header {name} has signs that a header cannot carry")
    if len(line) > _LINE:
        raise _refusal(f"the header {name} is longer than {_LINE} signs")
    return line


def _mailbox(name: str, address: str) -> str:
    where = ascii_address(address)
    if not name:
        return where
    if _is_plain(_unbroken(name, "name")):
        shown = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        shown = _words(name, "name")
    fits = len(shown.rpartition("\n")[2]) + len(where) <= _LINE_OF_WORDS
    return shown + (" " if fits else "\r\n ") + f"<{where}>"


def _text(value: str, what: str) -> str:
    return value if _is_plain(_unbroken(value, what)) else _words(value, what)


def _is_plain(value: str) -> bool:
    if not value.isascii() or not value.isprintable() or value != value.strip():
        return False
    return "=?" not in value and len(value) <= _PLAIN_WIDTH


def _words(value: str, what: str) -> str:
    """Encoded words, whole characters in each, one on a line."""
    chunks = [bytearray()]
    for sign in value:
        data = _utf8(sign, what)
        if len(chunks[-1]) + len(data) > _WORD_BYTES:
            chunks.append(bytearray())
        chunks[-1] += data
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?=" for chunk in chunks)


def _body(content: str, what: str) -> tuple[str, str]:
    """The transfer encoding and the encoded text, whichever is shorter; lines of at most 76 signs."""
    if "\0" in content:
        raise _refusal(f"the {what} part contains a NUL")
    text = content.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    data = _utf8(text if text.endswith("\r\n") else text + "\r\n", what)
    quoted = binascii.b2a_qp(data, istext=True).decode("ascii")
    packed = base64.encodebytes(data).decode("ascii").replace("\n", "\r\n")
    # b2a_qp writes a line of 77 or more when it ends in white space
    if len(quoted) <= len(packed) and max(map(len, quoted.split("\r\n"))) <= 76:
        return "quoted-printable", quoted
    return "base64", packed


def _unbroken(value: str, what: str) -> str:
    if _BREAKS.search(value):
        raise _refusal(f"the {what} contains a line break or a NUL: {value!r}")
    return value


def _utf8(value: str, what: str) -> bytes:
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise _refusal(f"the {what} contains half a character (a lone surrogate): {value!r}") from None


def _refusal(text: str) -> DeliveryError:
    return DeliveryError(text, permanent=True)
