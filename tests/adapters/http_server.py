"""An HTTP server for tests that answers as a script says, on a socket of its own, with or without TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DROP, SILENCE, NONSENSE = "(drops the line)", "(says nothing)", "(nonsense)"
RESET, HALF, STUCK = "(resets the line)", "(drops the line before the last byte)", "(does not read)"
OK = "HTTP/1.1 200 OK\r\n\r\ntaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came: the first line, headers by their small-letter names, and the body."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int = 1  # the how manieth


@dataclass(slots=True)
class Server:
    """What a server has seen, and where it is."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)


def reply(status: int, *headers: str, body: str = "") -> str:
    """An answer with its headers, the connection closed behind it."""
    return "\r\n".join([f"HTTP/1.1 {status} So", "Connection: close", *headers, "", body])


@asynccontextmanager
async def answering(
    *script: str, context: ssl.SSLContext | None = None, keep: bool = False, host: str = "localhost"
) -> AsyncIterator[Server]:
    """A server whose answers are used up one by one; the last one stays. Each connection is for one request, or kept.

    host: only the name in the address; it listens on this machine.
    """
    seen, answers = Server(), list(script or (OK,))
    talks: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks[asyncio.current_task()] = writer
        number, more = len(talks), True
        while more:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            headers = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in head[1:] if line)
            body = b"" if answer in {HALF, STUCK} else await reader.readexactly(int(headers.get("content-length", "0")))
            seen.requests.append(Request(line=head[0], headers=headers, body=body, connection=number))
            await reply_with(answer, reader, writer)
            more = keep and not writer.is_closing() and answer != DROP
        writer.close()

    listening = await asyncio.start_server(talk, "localhost", 0, family=2, ssl=context)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        seen.url = f"{'https' if context else 'http'}://{host}:{port}/tasks"
        try:
            yield seen
        finally:
            for writer in talks.values():
                writer.close()
            await asyncio.gather(*filter(None, talks), return_exceptions=True)


async def reply_with(answer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do what the script says."""
    if answer == SILENCE:
        await reader.read()  # until the other side has had enough
    elif answer == STUCK:
        await writer.wait_closed()
    elif answer in {RESET, HALF}:
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif answer != DROP:
        writer.write((answer if answer != NONSENSE else "what?\r\n\r\n").encode())
