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
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

import httpx

from engine.errors import DeliveryError

AT_ONCE = 4
"""Connections of one client: httpx becomes slower with more (encode/httpx#3215)."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_LATER = frozenset((408, 425, 429, 503, 401, 403, 404, 405, 407))
_HERE = frozenset(("localhost", "127.0.0.1", "::1"))
_SHOWN = 300  # signs of an answer that are kept


class Http:
    """A few connections at once. Belongs to one event loop until it is closed.

    tls_context: None verifies against the usual authorities. timeout: seconds for connecting and for each answer.
    keep: use connections again; one that the other side gave up meanwhile looks like a doubt, so only where a doubt
    costs nothing.
    """

    def __init__(self, *, tls_context: ssl.SSLContext | None = None, timeout: float = 30.0, keep: bool = False) -> None:
        self._context, self._timeout, self._keep = tls_context, timeout, keep
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> str:
        """Post these bytes; the beginning of the answer, on one line. Raises DeliveryError."""
        host = httpx.URL(url).host
        try:
            async with self._open().stream("POST", url, content=content, headers=dict(headers)) as answer:
                said = f"{host} answered {answer.status_code} {await _beginning(answer)}".rstrip()
        except _NOT_SENT as error:
            raise DeliveryError(f"{host} cannot be reached: {_printable(str(error))}") from None
        except httpx.HTTPError as error:
            text = f"{host} did not say whether it took it: {_printable(str(error)) or type(error).__name__}"
            raise DeliveryError(text, ambiguous=True) from None
        if answer.is_success:
            return said
        if answer.status_code in _LATER or answer.is_server_error:
            broken = answer.status_code not in _LATER
            raise DeliveryError(said, retry_after=_wait(answer.headers), ambiguous=broken)
        raise DeliveryError(said, permanent=True)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()
        self._client = None

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._context or True,
                timeout=self._timeout,
                limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE if self._keep else 0),
                headers={"User-Agent": "premura"},
            )
        return self._client


def checked(url: str) -> str:
    """The address, if what goes there cannot be read on the way. Raises ValueError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"url: '{url}' is no address: {error}") from None
    if (parsed.scheme == "https" and parsed.host) or (parsed.scheme == "http" and parsed.host in _HERE):
        return url
    raise ValueError(f"url: '{url}' must begin with https:// (http:// is for this machine only)")


async def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer; its status counts, even if the rest never comes."""
    found = b""
    with suppress(httpx.HTTPError):
        async for piece in answer.aiter_bytes():
            found += piece
            if len(found) >= _SHOWN:
                break
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
