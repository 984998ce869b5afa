"""Two SMTP servers for tests: a real one with TLS and login, and one that does what a script says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

DROP, SILENCE = "(drops the line)", "(says nothing)"
USER, PASSWORD = "shop", "s3cret-Pässword"
LOGIN: dict[str, Any] = {"user": USER, "password": PASSWORD}


@dataclass(slots=True)
class Server:
    """What a server has seen. `messages` hold what came before the dot, unstuffed."""

    port: int = 0
    connections: int = 0
    logins: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


def contexts(name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name` from a new authority, and a client's that trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


@asynccontextmanager
async def real(context: ssl.SSLContext, *, implicit: bool = False) -> AsyncIterator[Server]:
    """aiosmtpd on a free port of localhost; it insists on STARTTLS and a login, or speaks TLS from the first byte."""
    seen = Server()

    class Inbox:
        async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
            assert isinstance(envelope.original_content, bytes)
            seen.messages.append(envelope.original_content)
            seen.recipients += envelope.rcpt_tos
            return f"250 2.0.0 Ok: queued as Q{len(seen.messages)}"

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: object) -> AuthResult:
        right = data == LoginPassword(USER.encode(), PASSWORD.encode())
        seen.logins += right
        return AuthResult(success=right, handled=False)

    def protocol() -> SMTP:
        seen.connections += 1
        starttls = context if not implicit else None
        return SMTP(
            Inbox(),
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate,
            auth_required=starttls is not None,
            auth_require_tls=starttls is not None,  # it does not notice TLS that was there from the first byte
            loop=asyncio.get_running_loop(),
        )

    listening = await asyncio.get_running_loop().create_server(
        protocol, "localhost", 0, ssl=context if implicit else None, family=2
    )
    async with listening:
        seen.port = listening.sockets[0].getsockname()[1]
        yield seen


@asynccontextmanager
async def scripted(script: Mapping[str, str | list[str]]) -> AsyncIterator[Server]:
    """A server that answers each verb as the script says, else politely.

    Keys are verbs, ``BANNER``, ``CONTENT`` (the first line of the message) and ``DOT``; a list is used up one by one,
    its last entry stays.
    """
    seen = Server()
    polite = {"BANNER": "220 ready", "EHLO": "250 localhost", "DATA": "354 go on", "QUIT": "221 bye", "CONTENT": ""}
    answers = {key: list([value] if isinstance(value, str) else value) for key, value in script.items()}
    talks: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    def answer(key: str) -> str:
        queue = answers.get(key) or [polite.get(key, "250 2.0.0 Ok")]
        return queue.pop(0) if len(queue) > 1 else queue[0]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        talks[asyncio.current_task()] = writer
        going = say(writer, answer("BANNER"))
        while going and (line := await reader.readline()):
            verb = line.decode().split()[0].upper()
            seen.commands.append(line.decode().strip())
            reply = answer(verb)
            going = say(writer, reply)
            if verb == "DATA" and reply.startswith("354"):
                going = await take_message(reader, writer)
        writer.close()

    async def take_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        message = b""
        while line := await reader.readline():
            if not say(writer, answer("CONTENT")):
                return False
            if line == b".\r\n":
                seen.messages.append(message)
                return say(writer, answer("DOT"))
            message += line.removeprefix(b".")
        return False

    async with await asyncio.start_server(talk, "localhost", 0, family=2) as listening:
        seen.port = listening.sockets[0].getsockname()[1]
        try:
            yield seen
        finally:
            for writer in talks.values():
                writer.close()
            await asyncio.gather(*filter(None, talks), return_exceptions=True)  # a client may have hung up


def say(writer: asyncio.StreamWriter, reply: str) -> bool:
    """Whether the conversation goes on."""
    if reply == DROP:
        return False
    if reply not in (SILENCE, ""):
        writer.write(reply.encode() + b"\r\n")
    return True
