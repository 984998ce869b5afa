"""Lines that break at every place, on sockets: what surely was not sent, and what nobody knows."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.wire.http import AT_ONCE, Http
from engine.errors import DeliveryError
from tests.adapters.http_server import DROP, HALF, OK, RESET, SILENCE, STUCK, Request, Server, answering, reply
from tests.adapters.smtp_server import contexts

STAYS = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: who=you\r\n\r\ntaken"
LARGE = b"x" * 8_000_000  # more than the buffers of both sides hold
Tls = tuple[ssl.SSLContext, ssl.SSLContext]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def http(**options: Any) -> AsyncIterator[Http]:
    line = Http(**{"timeout": 5.0, **options})
    try:
        yield line
    finally:
        await line.close()


async def tried(line: Http, url: str, content: bytes = b"{}") -> str | DeliveryError:
    try:
        return await line.post(f"{url}?sig=s3cret", content, {})
    except DeliveryError as error:
        return error


async def broken(line: Http, url: str, content: bytes = b"{}") -> DeliveryError:
    error = await tried(line, url, content)
    assert isinstance(error, DeliveryError), error
    assert not error.permanent
    assert "s3cret" not in str(error), "an address may hold a secret"
    return error


def of_one(*script: str, content: bytes = b"{}", keep: bool = False, **options: Any) -> tuple[DeliveryError, Server]:
    async def scenario() -> tuple[DeliveryError, Server]:
        async with answering(*script, keep=keep) as server, http(**options) as line:
            return await broken(line, server.url, content), server

    return asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("fate", "content", "said"),
    [
        (DROP, b"{}", "ServerDisconnectedError"),
        (RESET, b"{}", "Connection reset by peer"),
        (SILENCE, b"{}", ": SocketTimeoutError"),
        (HALF, LARGE, ""),
        (STUCK, LARGE, ": TimeoutError"),
    ],
)
def test_what_breaks_once_it_was_begun_may_have_been_taken(fate: str, content: bytes, said: str, keep: bool) -> None:
    patience = 0.5 if fate in (SILENCE, STUCK) else 5.0  # where nothing is to come; a slow machine breaks off later
    error, server = of_one(fate, content=content, keep=keep, timeout=patience)
    assert error.ambiguous
    assert str(error).startswith("localhost did not say whether it took it: ")
    assert said in str(error)
    assert len(server.requests) == 1, "nothing is tried again here"


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """A server that speaks no HTTP; the end of its address."""
    ends: list[asyncio.StreamWriter] = []

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        await talk(reader, writer)

    server = await asyncio.start_server(held, "localhost", 0, family=2)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}/"
        for writer in ends:
            writer.close()


async def hangs(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take the connection, and do nothing."""


async def drops(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def speaks_plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("talk", [hangs, drops, speaks_plain])
def test_without_an_agreed_tls_nothing_was_sent(talk: Talk) -> None:
    async def scenario() -> DeliveryError:
        async with listening(talk) as end, http(timeout=0.3) as line:
            return await broken(line, f"https://{end}")

    error = asyncio.run(scenario())
    assert not error.ambiguous
    assert str(error).startswith("localhost cannot be reached: ")


def test_a_certificate_for_another_name_is_not_trusted() -> None:
    serving, trusting = contexts("elsewhere.example")

    async def scenario() -> tuple[DeliveryError, Server]:
        async with answering(context=serving) as server, http(tls_context=trusting) as line:
            return await broken(line, server.url), server

    error, server = asyncio.run(scenario())
    assert (error.ambiguous, server.requests) == (False, [])
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)


def test_a_name_that_is_nobodys() -> None:
    async def scenario() -> DeliveryError:
        async with http() as line:
            return await broken(line, "http://nobody.invalid/")

    error = asyncio.run(scenario())
    assert not error.ambiguous
    assert str(error).startswith("nobody.invalid cannot be reached: ")


def test_who_waited_in_vain_for_a_free_line_did_not_send() -> None:
    async def scenario() -> tuple[list[bool], int]:
        async with answering(SILENCE) as server, http(timeout=1.5) as line:
            found = await asyncio.gather(*(broken(line, server.url) for _ in range(AT_ONCE + 2)))
            return [error.ambiguous for error in found], len(server.requests)

    doubts, came = asyncio.run(scenario())
    assert doubts == [True] * AT_ONCE + [False] * 2
    assert came == AT_ONCE


def several(*script: str, times: int, pause: float = 0.0, **options: Any) -> tuple[list[str | DeliveryError], Server]:
    """What comes of so many posts, one after the other, over the same lines."""

    async def scenario() -> tuple[list[str | DeliveryError], Server]:
        async with answering(*script, keep=True) as server, http(**options) as line:
            found = []
            for _ in range(times):
                found.append(await tried(line, server.url))
                await asyncio.sleep(pause)
            return found, server

    return asyncio.run(scenario())


def connections(requests: list[Request]) -> list[int]:
    return [request.connection for request in requests]


def test_a_kept_line_is_used_again_and_no_cookie_goes_back() -> None:
    found, server = several(STAYS, times=3, keep=True)
    assert found == ["localhost answered 200 taken"] * 3
    assert connections(server.requests) == [1, 1, 1]
    assert not any("cookie" in request.headers for request in server.requests)
    assert not any("connection" in request.headers for request in server.requests)


def test_a_line_that_is_not_kept_is_for_one_post() -> None:
    found, server = several(STAYS, times=3, keep=False)
    assert found == ["localhost answered 200 taken"] * 3
    assert connections(server.requests) == [1, 2, 3]
    assert {request.headers["connection"] for request in server.requests} == {"close"}


@pytest.mark.parametrize("fate", [DROP, RESET])
def test_a_kept_line_that_dies_under_a_post_is_a_doubt_and_not_tried_again(fate: str) -> None:
    found, server = several(STAYS, fate, STAYS, times=3, keep=True)
    first, doubt, third = found
    assert first == third == "localhost answered 200 taken"
    assert isinstance(doubt, DeliveryError)
    assert doubt.ambiguous
    assert connections(server.requests) == [1, 1, 2]


def test_a_kept_line_that_the_other_side_has_given_up_is_not_used() -> None:
    found, server = several(reply(200, "Content-Length: 0"), times=2, pause=0.05, keep=True)
    assert found == ["localhost answered 200"] * 2
    assert connections(server.requests) == [1, 2]


def test_what_came_unasked_on_an_idle_line_is_no_answer_to_the_next_post() -> None:
    told, over = 0, asyncio.Event()

    async def tells_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal told
        told += 1
        await reader.readuntil(b"\r\n\r\n{}")
        for words in ("first", "again"):
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{words}{told}".encode())
            await asyncio.sleep(0.02)
        over.set()

    async def scenario() -> list[str | DeliveryError]:
        async with listening(tells_twice) as end, http(keep=True) as line:
            first = await tried(line, f"http://{end}")
            await over.wait()
            return [first, await tried(line, f"http://{end}")]

    assert asyncio.run(scenario()) == ["localhost answered 200 first1", "localhost answered 200 first2"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_a_no_before_the_last_byte_is_a_no() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig")

    async def scenario() -> str | DeliveryError:
        async with listening(refuses) as end, http(timeout=0.5) as line:
            return await tried(line, f"http://{end}", LARGE)

    error = asyncio.run(scenario())
    assert isinstance(error, DeliveryError)
    assert (error.permanent, str(error)) == (True, "localhost answered 413 big")


def test_a_large_answer_is_not_read_whole() -> None:
    written = 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"ok " * 10_000)
                await writer.drain()
                written += 30_000
        except ConnectionError:
            pass

    async def scenario() -> str | DeliveryError:
        async with listening(pours) as end, http(keep=True) as line:
            return await tried(line, f"http://{end}")

    answer = asyncio.run(scenario())
    assert isinstance(answer, str)
    assert answer.startswith("localhost answered 200 ok ok ok")
    assert written < 50_000_000


def test_a_yes_whose_words_stay_out_counts_at_once() -> None:
    async def stays_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 OK\r\nContent-Length: 10\r\n\r\nye")

    async def scenario() -> str | DeliveryError:
        async with listening(stays_out) as end, http(timeout=0.5) as line:
            return await tried(line, f"http://{end}")

    assert asyncio.run(scenario()) == "localhost answered 202 ye"


def test_the_address_says_who_we_are_and_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine localhost login other password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def scenario() -> list[Request]:
        async with answering() as server, http() as line:
            await line.post(server.url, b"{}", {})
            await line.post(server.url.replace("//", "//shop:p%40ss@"), b"{}", {})
            return server.requests

    without, named = asyncio.run(scenario())
    assert "authorization" not in without.headers
    assert named.headers["authorization"] == f"Basic {base64.b64encode(b'shop:p@ss').decode()}"


def test_an_address_arrives_as_it_was_given() -> None:
    path = "/a%2Fb/c%20d;e=f?sv=1.0&sig=ab%2Bc%3D&t=a+b"

    async def scenario() -> str:
        async with answering() as server, http() as line:
            await line.post(server.url.replace("/tasks", path), b"{}", {})
            return server.requests[0].line

    assert asyncio.run(scenario()) == f"POST {path} HTTP/1.1"


def through(answer: str, seen: list[str], port: int) -> Talk:
    """A proxy that answers so and, if it lets somebody through, leads all of them to that port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(f"HTTP/1.1 {answer}\r\n\r\n".encode())
        if answer.startswith("200"):
            other_reader, other_writer = await asyncio.open_connection("localhost", port)
            await asyncio.gather(_pour(reader, other_writer), _pour(other_reader, writer))
        writer.close()

    return talk


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def by_proxy(
    answer: str, context: tuple[ssl.SSLContext, ssl.SSLContext] | None, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """What comes of a post for desk.example where the environment names a proxy, and what the proxy heard."""
    seen: list[str] = []

    async def scenario() -> str | DeliveryError:
        async with answering(OK, context=context[0] if context else None, host="desk.example") as server:
            port = int(server.url.split(":")[2].split("/")[0])
            async with listening(through(answer, seen, port)) as end:
                monkeypatch.setenv("HTTPS_PROXY", f"http://shop:key@{end}")
                monkeypatch.setenv("HTTP_PROXY", f"http://{end}")
                async with http(tls_context=context[1] if context else None) as line:
                    url = server.url if context else server.url.replace("desk.example", "localhost")
                    return await tried(line, url)

    return asyncio.run(scenario()), seen


def test_what_is_encrypted_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, (heard,) = by_proxy("200 OK", contexts("desk.example"), monkeypatch)
    assert answer == "desk.example answered 200 taken"
    assert heard.startswith("CONNECT desk.example:")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'shop:key').decode()}" in heard


def test_a_proxy_that_lets_nobody_through_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    error, (heard,) = by_proxy("403 Forbidden", contexts("desk.example"), monkeypatch)
    assert isinstance(error, DeliveryError)
    assert not error.ambiguous
    assert str(error).startswith("desk.example cannot be reached: ")
    assert heard.startswith("CONNECT ")


def test_what_is_not_encrypted_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_proxy("200 OK", None, monkeypatch) == ("localhost answered 200 taken", [])


def test_no_proxy_where_the_environment_says_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "desk.example")
    error, heard = by_proxy("200 OK", contexts("desk.example"), monkeypatch)
    assert isinstance(error, DeliveryError), "and here nobody knows the name"
    assert heard == []
