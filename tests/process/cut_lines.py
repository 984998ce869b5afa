"""A line to PostgreSQL that is cut when a COMMIT has gone through, before whoever asked for it hears of it."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from sqlalchemy.engine import make_url

_COMMIT, _OVER = b"COMMIT\0", (b"COMMIT\0", b"ROLLBACK\0")
"""The command, and the server's word that it is done; no text that PostgreSQL takes has a zero in it."""


class Line(socketserver.ThreadingTCPServer):
    """Passes on what both sides say. cuts: of which COMMIT, counted from 1, nobody hears."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, database: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        known = make_url(database)
        self.server_file = str(next(Path(str(known.query["host"])).glob(".s.PGSQL.*[0-9]")))
        here = known.set(host="127.0.0.1", port=self.server_address[1], query={"sslmode": "disable"})
        self.address = here.render_as_string(hide_password=False)
        self.numbers, self.lock, self.lost = count(1), threading.Lock(), 0
        self.cuts: Callable[[int], bool] = lambda _number: False

    def cut(self, cuts: Callable[[int], bool]) -> None:
        """From now on, counted anew."""
        with self.lock:
            self.numbers, self.lost, self.cuts = count(1), 0, cuts

    def is_to_be_lost(self) -> bool:
        """Whether nobody is to hear of this COMMIT."""
        with self.lock:
            lost = self.cuts(next(self.numbers))
            self.lost += lost
        return lost


class _Connection(socketserver.BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as away, suppress(ConnectionError):  # whoever asked may be gone
            away.connect(self.server.server_file)
            other = {self.request: away, away: self.request}
            while True:
                for side in select.select(list(other), [], [])[0]:
                    said = side.recv(1 << 16)
                    if not said:
                        return
                    other[side].sendall(said)
                    if side is self.request and _COMMIT in said and self.server.is_to_be_lost():
                        self.hear_alone(away)
                        return

    def hear_alone(self, away: socket.socket) -> None:
        """Wait until it has gone through."""
        answer = b""
        while not any(word in answer for word in _OVER):
            some = away.recv(1 << 16)
            if not some:
                return
            answer += some


@contextmanager
def line(database: str) -> Iterator[Line]:
    """A line to a database, that is, to a server that listens on a socket in a folder."""
    with Line(database) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
