"""HTTP to providers, and how far a request came when something breaks.

connecting, TLS                    surely not sent, try again
2xx                                it has it
408, 425, 429, 503                 it did not take it now: try again, not before Retry-After
401, 403, 404, 405, 407            it is our key or its address that is wrong, and no message's fault: the same
3xx and the other 4xx              refused for good; no redirection is followed with a customer's data
the other 5xx                      it broke, before or after it took it: ambiguous
silence, a dropped line, nonsense  nobody knows: ambiguous
"""

from __future__ import annotations

import ssl
from asyncio import timeout
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import cast

import httpx

from engine.adapters.wire.line import BROKEN, line, sent, why
from engine.errors import DeliveryError

AT_ONCE = 8
"""Connections to one host: a provider that needs 100 ms takes 80 a second. More brings little where one is at hand."""
_LATER = frozenset((408, 425, 429, 503, 401, 403, 404, 405, 407))
_HERE = frozenset(("localhost", "127.0.0.1", "::1"))
_OURS = {"User-Agent": "premura", "Accept-Encoding": "identity"}
_SHOWN = 300  # signs of an answer that are kept


class Http:
    """A few connections at once. Belongs to one event loop until it is closed.

    tls_context: None verifies against the usual authorities. timeout: seconds for connecting and for each answer.
    keep: use connections again; one that the other side gave up meanwhile looks like a doubt, so only where a doubt
    costs nothing.
    """

    def __init__(self, *, tls_context: ssl.SSLContext | None = None, timeout: float = 30.0, keep: bool = False) -> None:
        self._context, self._timeout, self._keep = tls_context, timeout, keep
        self._lines: dict[tuple[str, str], httpx.AsyncBaseTransport] = {}
        self._patience = {"timeout": {"connect": timeout, "pool": timeout, "read": timeout}}

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> str:
        """Post these bytes; the beginning of the answer, on one line. Raises DeliveryError."""
        where = _parsed(url)
        request = httpx.Request("POST", where, headers={**_OURS, **headers}, content=content, extensions=self._patience)
        try:
            async with timeout(3 * self._timeout):  # to connect, to write, and to wait for the answer
                answer = await self._line(where).handle_async_request(request)
        except BROKEN as error:
            raise _failure(where.host, error) from None
        said = f"{where.host} answered {answer.status_code} {await _beginning(answer, self._timeout)}".rstrip()
        if answer.is_success:
            return said
        if answer.status_code in _LATER or answer.is_server_error:
            broken = answer.status_code not in _LATER
            raise DeliveryError(said, retry_after=_wait(answer.headers), ambiguous=broken)
        raise DeliveryError(said, permanent=True)

    async def close(self) -> None:
        """Let go of the connections."""
        lines, self._lines = self._lines, {}
        for one in lines.values():
            await one.aclose()

    def _line(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        there = url.scheme, url.host
        if there not in self._lines:
            self._context = self._context or httpx.create_ssl_context()
            self._lines[there] = line(url, self._context, at_once=AT_ONCE, keep=self._keep)
        return self._lines[there]


def checked(url: str) -> str:
    """The address, if what goes there cannot be read on the way. Raises ValueError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"url: '{url}' is no address: {error}") from None
    if (parsed.scheme == "https" and parsed.host) or (parsed.scheme == "http" and parsed.host in _HERE):
        return url
    raise ValueError(f"url: '{url}' must begin with https:// (http:// is for this machine only)")


@lru_cache(maxsize=16)  # one for each provider, not for each message
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _failure(host: str, error: BaseException) -> DeliveryError:
    text = "did not say whether it took it" if sent(error) else "cannot be reached"
    return DeliveryError(f"{host} {text}: {_printable(why(error))}", ambiguous=sent(error))


async def _beginning(answer: httpx.Response, patience: float) -> str:
    """The first words of an answer; its status counts, even if the rest never comes."""
    found, words = b"", cast("httpx.AsyncByteStream", answer.stream)  # as it came: aiter_bytes is a tenth of a request
    with suppress(*BROKEN):
        async with timeout(patience):
            async for piece in words:
                found += piece
                if len(found) >= _SHOWN:
                    break
    with suppress(*BROKEN):
        await words.aclose()
    return _printable(found.decode("utf-8", "replace"))[:_SHOWN]


def _wait(headers: httpx.Headers) -> float | None:
    """Seconds of Retry-After (RFC 9110, 10.2.3); a date in it is measured from the answer's own."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    with suppress(ValueError, TypeError):  # no date, or one without a zone
        return max(0.0, (parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date", ""))).total_seconds())
    return None


def _printable(text: str) -> str:
    """What the other side said, on one line of signs that can be stored and shown."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
