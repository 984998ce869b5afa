"""A line to a provider: requests of httpx, carried by aiohttp, and what it means when one breaks.

httpx's own lines take three times the work, and more with each request that is under way (encode/httpx#3215).
One call of the transport is one request: no redirection is followed, no cookie kept, no netrc read, and a POST is never
tried again, not even where a kept line turns out to be dead (aiohttp does that for GET and PUT).
What broke is read from aiohttp's own error: httpx-aiohttp also calls a line that was dropped after the last byte a
`ConnectTimeout`, and that may have been taken.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError)
"""All that a line raises, one that took too long included."""
_NOT_SENT = (
    aiohttp.ClientConnectorError,  # names, connecting, TLS, a proxy that is not there
    aiohttp.ConnectionTimeoutError,  # the same, or waiting for one of our own lines, took too long
    aiohttp.ClientHttpProxyError,  # the proxy did not let us through
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
_KEPT = 5.0  # seconds that an idle line is used again; other sides give them up after 5 to 75


class _Lines(aiohttp.TCPConnector):
    """Lets go of an idle line on which something came unasked: it is no answer to what goes out next."""

    async def _get(self, *asked: Any) -> aiohttp.connector.Connection | None:
        while (found := await super()._get(*asked)) and found.protocol and found.protocol.should_close:
            found.close()
        return found


def line(url: httpx.URL, context: ssl.SSLContext, *, at_once: int, keep: bool) -> AiohttpTransport:
    """What carries requests to this host, over so many connections at once. It opens with the first request."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Lines(
                ssl=context, limit=at_once, force_close=not keep, keepalive_timeout=_KEPT if keep else None
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(url),
        )

    return AiohttpTransport(verify=context, client=session)


def sent(error: BaseException) -> bool:
    """Whether the other side may have the request, or a part of it."""
    return not isinstance(_own(error), _NOT_SENT)


def why(error: BaseException) -> str:
    """What broke, in the words of the system or of TLS: aiohttp's own name the address, which may hold a secret."""
    own = _own(error)
    return str(own.__cause__ or "") or type(own).__name__


def _own(error: BaseException) -> BaseException:
    """aiohttp's error behind that of httpx."""
    return error.__cause__ or error if isinstance(error, httpx.HTTPError) else error


def _proxy(url: httpx.URL) -> str | None:
    """The way out that the environment names. What is not encrypted stays on this machine and takes none."""
    if url.scheme != "https" or proxy_bypass(url.host):
        return None
    named = getproxies()
    proxy = named.get("https") or named.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
