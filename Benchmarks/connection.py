"""A keep-alive connection whose answers carry the moment they arrived."""

import asyncio
import json
import time


def request(method, path, headers, body=b"", **more):
    """The bytes of one HTTP/1.1 request."""
    fields = {"host": "bench", **headers, **more}
    if body or method == "POST":
        fields |= {"content-type": "application/json", "content-length": len(body)}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Connection(asyncio.Protocol):
    """One request at a time; for answers with a content length."""

    @classmethod
    async def open(cls, port, headers):
        _, self = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        self.headers = headers
        return self

    def __init__(self):
        self.waiting, self.buffer = None, b""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data):
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if len(body) >= int(lengths[0]):
            self.buffer = b""
            self.waiting.set_result((time.perf_counter(), head, body))

    async def call(self, method, path, body=None):
        """The moment the answer arrived, and the answer."""
        self.waiting = asyncio.get_running_loop().create_future()
        text = b"" if body is None else json.dumps(body).encode()
        self.transport.write(request(method, path, self.headers, text))
        arrived, head, answer = await self.waiting
        if not head[9:10] == b"2":
            raise SystemExit(f"{method} {path}: {head.decode()} {answer[:500].decode(errors='replace')}")
        return arrived, json.loads(answer) if answer else None

    def close(self):
        self.transport.close()
