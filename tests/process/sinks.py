"""Servers that write down what they got, and that can keep a client waiting at a chosen point."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

DEADLINE = 120


class Sink(socketserver.ThreadingTCPServer):
    """Counts what it is asked to take, and writes down what it took."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[socketserver.StreamRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.port = int(self.server_address[1])
        self.lock = threading.Lock()
        self.asked = 0
        self.got: list[str] = []  # what names an action: a Message-ID, or a key
        self.bodies: dict[str, set[str]] = {}
        self.traps: set[tuple[str, int]] = set()
        self.holding, self.release = threading.Event(), threading.Event()

    def hold(self, where: str, number: int) -> None:
        """Keep the client of that request waiting, ``before`` it is taken or ``after``, until `let_go`."""
        self.holding.clear()
        self.release.clear()
        self.traps.add((where, number))

    def let_go(self) -> None:
        """Answer, if anybody is still there."""
        self.release.set()

    def pause(self, where: str, number: int) -> None:
        """A point at which a client may be kept waiting."""
        if (where, number) in self.traps:
            self.holding.set()
            assert self.release.wait(DEADLINE)

    def ask(self) -> int:
        """One more request."""
        with self.lock:
            self.asked += 1
            return self.asked

    def take(self, name: str, body: str) -> None:
        """Write down what came."""
        with self.lock:
            self.got.append(name)
            self.bodies.setdefault(name, set()).add(body)

    def handle_error(self, *_about: object) -> None:
        """A client that was killed is no error here."""


class _Smtp(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 for one client."""

    server: Sink

    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.take_mail()
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 Ok")

    def take_mail(self) -> None:
        number = self.server.ask()
        self.server.pause("before", number)
        self.say("354 go on")
        content = b""
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return  # the client is gone: this mail was never handed over
            content += line
        message = message_from_bytes(content)
        self.server.take(str(message["Message-ID"]), content.decode())
        self.server.pause("after", number)
        self.say(f"250 queued as Q{number}")

    def say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")


class _Keyed(socketserver.StreamRequestHandler):
    """A line of JSON with a key; the same key again is not delivered again."""

    server: Sink

    def handle(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.readline())
        number = self.server.ask()
        self.server.pause("before", number)
        self.server.take(asked["key"], json.dumps(asked["body"], sort_keys=True))
        self.server.pause("after", number)
        self.wfile.write(f"R-{number}\n".encode())


@contextmanager
def _listening(handler: type[socketserver.StreamRequestHandler]) -> Iterator[Sink]:
    with Sink(handler) as sink:
        thread = threading.Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield sink
        finally:
            sink.let_go()
            sink.shutdown()
            thread.join()


def smtp() -> Any:
    """A mail server without TLS."""
    return _listening(_Smtp)


def keyed() -> Any:
    """A provider that takes idempotency keys; `PARCEL` speaks to it."""
    return _listening(_Keyed)


PARCEL = '''
"""Tasks to a provider that takes idempotency keys."""

import asyncio
import json

from engine.dispatch.port import Capability, Idempotency, Receipt
from engine.errors import DeliveryError


class Parcel:
    capability = Capability(channel="task", idempotency=Idempotency.KEY)

    def __init__(self, port):
        self.port = port

    def check(self, message):
        pass

    async def send(self, message):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(json.dumps({"key": message.key, "body": dict(message.body)}).encode() + b"\\n")
            answer = await reader.readline()
            writer.close()
        except OSError as error:
            raise DeliveryError(f"the line was cut: {error}", ambiguous=True) from error
        if not answer:
            raise DeliveryError("no answer", ambiguous=True)
        return Receipt(provider_ref=answer.decode().strip(), delivered=True)

    async def close(self):
        pass


def build(options, around):
    return Parcel(options["port"])
'''
