"""The service behind every contestant: 1 KB of JSON, at once, for as little CPU as Python can.

It also names the key of the load's tokens, as auth does, and says which call needs which scope.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop

PRODUCT = {"id": "0193b1c2-7d1e-7c3a-9f10-2b5a6c7d8e9f", "name": "A mug", "text": "m" * 934}
BODY = json.dumps(PRODUCT).encode()


def answer(body: bytes, *fields: bytes) -> bytes:
    """A whole answer."""
    lines = [b"HTTP/1.1 200 OK", b"content-type: application/json"]
    lines += [b"content-length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CONTRACT = {
    "openapi": "3.1.0",
    "servers": [{"url": "/api/shop/v1"}],
    "paths": {"/me": {"get": {"security": [{"oauth2": ["shop:read"]}]}}},
}
PLAIN = answer(BODY, b"date: Sat, 21 Nov 2026 20:00:00 GMT")
KEPT = answer(BODY, b"cache-control: public, max-age=600", b'etag: "a-mug"')


class Origin(asyncio.Protocol):
    """One connection."""

    keys = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self._transport = cast(asyncio.Transport, transport)
        self._got = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        got = self._got + data if self._got else data
        while (end := got.find(b"\r\n\r\n")) >= 0:
            self._transport.write(self._answer(got[:end]))
            got = got[end + 4 :]
        self._got = got

    def _answer(self, head: bytes) -> bytes:
        if b"jwks" in head[:80]:
            return answer(self.keys)
        if b"openapi.json" in head[:80]:
            return answer(json.dumps(CONTRACT).encode())
        return KEPT if b"/kept" in head[:80] else PLAIN


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    Origin.keys = sys.argv[2].encode()
    uvloop.run(_serve(int(sys.argv[1])))
