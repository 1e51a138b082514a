"""An OpenAI-compatible HTTP server on this machine, which answers and misbehaves as told."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Fault = Callable[["Handler"], None]
Body = dict[str, Any]
JSON = {"Content-Type": "application/json"}


class Request(NamedTuple):
    """What came in: the path, the Authorization header, and the JSON."""

    path: str
    authorization: str
    body: Body

    @property
    def is_chat(self) -> bool:
        return self.path == "/v1/chat/completions"

    @property
    def said(self) -> str:
        """The last message, or the prompt."""
        return self.body["messages"][-1]["content"] if self.is_chat else self.body["prompt"]


class Handler(BaseHTTPRequestHandler):
    """Answers what the server's `reply` says, or does the fault that is due for that text."""

    server: "HTTPEndpoint"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(self.path, self.headers["Authorization"], body)
        server = self.server
        with server.changed:
            server.requests.append(request)
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            server.changed.notify_all()
            fault = server.draw_fault(request.said)
        server.before_answer(request.said)
        answer = server.reply(request) if fault is None else None
        # Not after the answer: the client may send its next request as soon as it has this one's.
        with server.changed:
            server.in_flight -= 1
        if fault is None:
            self.answer(200, answer)
        else:
            fault(self)

    def answer(
        self, status: int, body: Any, headers: Mapping[str, str] = JSON, missing: int = 0
    ) -> None:
        """Sends JSON, or bytes as they are; `missing` bytes fewer than the header promises."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) - missing])

    def log_message(self, format: str, *args: Any) -> None:
        pass


class HTTPEndpoint(ThreadingHTTPServer):
    """The endpoint, with its faults, and what it saw.

    Attributes:
        reply: the JSON for a request that no fault meets.
        faults: text -> the faults of the next requests with it, first to last.
    """

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self, reply: Callable[[Request], Body]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.reply = reply
        self.faults: dict[str, list[Fault]] = {}
        self.before_answer: Callable[[str], object] = lambda _: None
        self.requests: list[Request] = []
        self.in_flight = self.most_in_flight = 0
        self.changed = threading.Condition()
        self.closing = threading.Event()

    @property
    def said(self) -> list[str]:
        """The texts of the requests, as they came."""
        return [request.said for request in self.requests]

    def draw_fault(self, said: str) -> Fault | None:
        """The fault that meets this request; called once for each, one after another."""
        return self.faults[said].pop(0) if self.faults.get(said) else None

    def wait_for_company(self, count: int) -> None:
        """Holds a request back until `count` are in flight, and one too many had time to come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.most_in_flight >= count, 5)
            self.changed.wait(0.02)


@contextmanager
def serving(reply: Callable[[Request], Body]) -> Iterator[HTTPEndpoint]:
    """The endpoint while it serves."""
    with HTTPEndpoint(reply) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def chat_choice(content: Any) -> Body:
    """One choice of a chat completion."""
    message = {"role": "assistant", "content": content}
    return {"index": 0, "finish_reason": "stop", "message": message}


def status(code: int, message: str = "no", retry_after: str = "0.01") -> Fault:
    headers = {**JSON, "Retry-After": retry_after} if code == 429 else JSON
    return lambda handler: handler.answer(code, {"error": {"message": message}}, headers)


def says(content: Any) -> Fault:
    return lambda handler: handler.answer(200, {"choices": [chat_choice(content)]})


def raw(data: bytes, content_type: str = "application/json") -> Fault:
    return lambda handler: handler.answer(200, data, {"Content-Type": content_type})


def stall(handler: Handler) -> None:
    handler.server.closing.wait(10)


def reset(handler: Handler) -> None:
    # Closed without lingering, a connection is reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def truncate(handler: Handler) -> None:
    handler.answer(200, {"choices": [chat_choice("unsafe")]}, missing=9)


def reset_in_body(handler: Handler) -> None:
    truncate(handler)
    reset(handler)
