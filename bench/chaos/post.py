"""The mail server of a sink: as much of RFC 5321 as one client needs, failing as it is told."""

from __future__ import annotations

import asyncio
import re

from bench.chaos.taking import Taking, goes_on

_MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*<([^@>]+)@")


async def talk(taking: Taking, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until it is ended."""
    _say(writer, "220 sink")
    while line := await reader.readline():
        verb = line.split()[0].upper()
        if verb == b"QUIT":
            _say(writer, "221 bye")
            return
        if verb != b"DATA":
            _say(writer, "250 Ok")
        elif not await _data(taking, reader, writer):
            return


async def _data(taking: Taking, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Do what the word for this mail says; False when the line is cut."""
    word = taking.mail.next()
    if word in ("busy", "down", "broken"):
        await taking.take("mail", action="", key="", content=b"", word=word)
        _say(writer, "421 too many of you" if word == "busy" else "451 not now")
        return word != "busy"
    _say(writer, "354 go on")
    if word == "cut_early":
        await reader.readline()
        await taking.take("mail", action="", key="", content=b"", word=word)
        writer.transport.abort()
        return False
    content = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
    found = _MESSAGE_ID.search(content)
    action = found[1].decode() if found else ""
    await taking.take("mail", action=action, key=action, content=content, word=word)
    if not await goes_on(word, reader, writer):
        return False
    _say(writer, "250 2.0.0 Ok")
    return True


def _say(writer: asyncio.StreamWriter, reply: str) -> None:
    writer.write(reply.encode() + b"\r\n")
