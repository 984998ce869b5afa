"""A service to which tasks are posted, on a socket of its own: it writes down what it took."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass(slots=True)
class Desk:
    """keyed: it takes each Idempotency-Key once. `asked` counts posts, `taken` are the keys of what it has to do."""

    keyed: bool = True
    url: str = ""
    asked: int = 0
    taken: list[str] = field(default_factory=list)
    ids: dict[str, set[str]] = field(default_factory=dict)  # what came under a key

    def take(self, key: str, body: str) -> None:
        """One post."""
        self.asked += 1
        self.ids.setdefault(key, set()).add(body)
        if not (self.keyed and key in self.taken):
            self.taken.append(key)


@contextmanager
def desk(*, keyed: bool = True) -> Iterator[Desk]:
    """A desk that listens."""
    made = Desk(keyed=keyed)

    class Talk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.take(unquote(self.headers["Idempotency-Key"]), body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Talk) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/tasks"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
