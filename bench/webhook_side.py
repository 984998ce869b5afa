"""The server of bench/webhook.py: takes every request and answers with 204, as little else as can be."""

from __future__ import annotations

import asyncio


class Sink(asyncio.Protocol):
    """HTTP/1.1 as far as it is needed: requests with a Content-Length, answered in their order."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is, for TCP
        self.transport, self.got = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self.got += data
        while (end := self.got.find(b"\r\n\r\n")) >= 0:
            head = self.got[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            if len(self.got) < end + 4 + length:
                return
            self.got = self.got[end + 4 + length :]
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def main() -> None:
    """Serve until killed; the port is printed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
