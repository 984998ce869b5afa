"""The other side: an HTTP and an SMTP server that write down what they took, and fail as they are told.

A process of its own: python -m bench.chaos.sink JOURNAL [--script WORD …] [--seed N --rate 0.03]. It prints its two
ports as one JSON line. POST /key takes each Idempotency-Key once, POST /none takes everything, and POST /tell takes
JSON such as {"http": ["lose"], "mail": ["busy"]}: what to do with the next requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from bench.chaos.faults import Faults
from bench.chaos.post import talk as talk_mail
from bench.chaos.taking import Taking, goes_on

Talk = Callable[[Taking, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWERS = {
    "busy": "429 Too Many Requests\r\nRetry-After: 1",
    "down": "503 Service Unavailable",
    "broken": "500 Internal Server Error",
}


async def talk_http(taking: Taking, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests on one connection, until one of them ends it."""
    while head := await _head(reader):
        path, size = head[""], int(head.get("content-length", "0"))
        if path == "/tell":
            told = json.loads(await reader.readexactly(size))
            taking.http.tell(told.get("http", []))
            taking.mail.tell(told.get("mail", []))
            _say(writer, "200 OK")
            continue
        if not await _one(taking, head, size, reader, writer):
            return


async def _head(reader: asyncio.StreamReader) -> dict[str, str]:
    """Headers by their small-letter names, the path by ""; empty when there is no more request."""
    with suppress(asyncio.IncompleteReadError):
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(":") for line in rest if line)
        return {"": first.split()[1], **{name.lower(): value.strip() for name, _, value in pairs}}
    return {}


async def _one(
    taking: Taking, head: dict[str, str], size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Do what the word for this request says; False when the line is cut."""
    word, door, key = taking.http.next(), head[""].strip("/"), head.get("idempotency-key", "")
    if word == "cut_early":
        await reader.readexactly(size - 1)
        await taking.take(door, action="", key=key, content=b"", word=word)
        writer.transport.abort()
        return False
    content = await reader.readexactly(size)
    await taking.take(door, action=json.loads(content)["id"], key=key, content=content, word=word)
    if not await goes_on(word, reader, writer):
        return False
    _say(writer, ANSWERS.get(word, "200 OK"))
    return True


def _say(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


async def serve(taking: Taking) -> None:
    """Listen on two free ports until the process is ended."""

    def guarded(talk: Talk) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):  # whoever was killed is no error here
                await talk(taking, reader, writer)
            writer.close()

        return accept

    servers = [await asyncio.start_server(guarded(talk), "127.0.0.1", 0) for talk in (talk_http, talk_mail)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps(dict(zip(("http", "mail"), ports, strict=True))), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """The command of this module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("journal", type=Path)
    parser.add_argument("--script", nargs="*", default=(), help="a word for each request; the last one stays")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="the share of requests that something happens to")
    given = parser.parse_args()
    http, mail = (
        Faults(script=given.script, seed=2 * given.seed + one, rate=given.rate, patient=bool(one)) for one in (0, 1)
    )
    asyncio.run(serve(Taking(given.journal, http=http, mail=mail)))


if __name__ == "__main__":
    main()
