"""Endpoints as players, against a real HTTP server on this machine."""

import json
import pickle
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from llm_game_env import ConfigurationError, EndpointError, GameError
from llm_game_env.players import EndpointPlayer, Player
from llm_game_env.spaces import Message

KEY = "sk-test-0123456789"
Fault = Callable[["Handler"], None]
MakePlayer = Callable[..., EndpointPlayer]


class Handler(BaseHTTPRequestHandler):
    """Answers "re: " and the last message, or as the next fault for that message says."""

    server: Any  # the Server below

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = body["messages"][-1]["content"]
        server = self.server
        with server.changed:
            server.requests.append((self.path, self.headers["Authorization"], body))
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            server.changed.notify_all()
            faults = server.faults.get(said)
            fault = faults.pop(0) if faults else None
        server.before_answer(said)
        # Not after the answer: the player may send its next request as soon as it has this one's.
        with server.changed:
            server.in_flight -= 1
        if fault is None:
            self.answer(200, {"choices": [choice(f"re: {said}")]})
        else:
            fault(self)

    def answer(self, status: int, body: Any, content_type: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The endpoint, with its faults, and what it saw."""

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.faults: dict[str, list[Fault]] = {}
        self.before_answer: Callable[[str], object] = lambda _: None
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.in_flight = self.most_in_flight = 0
        self.changed = threading.Condition()
        self.closing = threading.Event()


def choice(content: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": "stop", "message": {"content": content}}


def status(code: int, message: str = "no") -> Fault:
    return lambda handler: handler.answer(code, {"error": {"message": message}})


def says(content: Any) -> Fault:
    return lambda handler: handler.answer(200, {"choices": [choice(content)]})


def raw(data: bytes, content_type: str = "application/json") -> Fault:
    return lambda handler: handler.answer(200, data, content_type)


def stall(handler: Handler) -> None:
    handler.server.closing.wait(10)


def reset(handler: Handler) -> None:
    # Closed without lingering, a connection is reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def make(server: Server) -> MakePlayer:
    """`make(**arguments)`: a player at the server."""

    def player(**arguments: Any) -> EndpointPlayer:
        defaults: dict[str, Any] = {"base_url": server.base_url}
        return EndpointPlayer("model-1", **(defaults | arguments))

    return player


def ask(player: EndpointPlayer, said: Sequence[str], seed: int = 0) -> list[str]:
    chats = [[Message(role="user", content=text)] for text in said]
    return player.reply(chats, np.random.default_rng(seed), max_tokens=7)


def test_a_request_says_all_that_the_endpoint_needs(server: Server, make: MakePlayer) -> None:
    player = make(api_key=KEY, temperature=0.5)
    assert isinstance(player, Player)
    chat = [
        Message(role="system", content="be kind"),
        Message(role="user", content="é 中\n🙂"),
    ]
    assert player.reply([chat], np.random.default_rng(0), max_tokens=7) == ["re: é 中\n🙂"]
    ((path, authorization, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert authorization == f"Bearer {KEY}"
    assert body == {
        "model": "model-1",
        "messages": chat,
        "max_tokens": 7,
        "temperature": 0.5,
        "seed": int(np.random.default_rng(0).integers(2**31)),
    }


def test_no_conversations_are_no_requests(server: Server, make: MakePlayer) -> None:
    assert ask(make(), []) == []
    assert server.requests == []


def test_the_seeds_come_from_the_generator(server: Server, make: MakePlayer) -> None:
    for seed in (3, 3, 4):
        ask(make(concurrency=1), ["a", "b"], seed)
    seeds = [body["seed"] for _, _, body in server.requests]
    assert seeds[:2] == seeds[2:4] != seeds[4:]
    assert len(set(seeds)) == 4


def test_answers_come_in_order_whichever_is_first(server: Server, make: MakePlayer) -> None:
    turns = {text: threading.Event() for text in "abcd"}

    def in_reverse(said: str) -> None:
        if said != "d":
            turns[chr(ord(said) + 1)].wait(5)
        turns[said].set()

    server.before_answer = in_reverse
    assert ask(make(), "abcd") == ["re: a", "re: b", "re: c", "re: d"]


def test_requests_run_side_by_side_up_to_the_bound(server: Server, make: MakePlayer) -> None:
    def until_three(_: str) -> None:
        with server.changed:
            assert server.changed.wait_for(lambda: server.most_in_flight >= 3, 5)
            server.changed.wait(0.02)  # time for one too many to come in

    server.before_answer = until_three
    said = [f"{i}" for i in range(12)]
    assert ask(make(concurrency=3), said) == [f"re: {text}" for text in said]
    assert server.most_in_flight == 3


@pytest.mark.parametrize(
    "faults",
    [[status(500), status(500)], [status(429)], [reset], [stall]],
    ids=["500 twice", "429", "reset", "stall"],
)
def test_what_passes_is_tried_again(server: Server, make: MakePlayer, faults: list[Fault]) -> None:
    server.faults["b"] = [*faults]
    assert ask(make(timeout=0.2), "abc") == ["re: a", "re: b", "re: c"]
    assert len(server.requests) == 3 + len(faults)


@pytest.mark.parametrize(
    ("fault", "reason", "attempts"),
    [
        (status(500), "Error code: 500 .*no", 2),
        (stall, "timed out", 2),
        (reset, "Connection error.* reset", 2),
        (status(401), "Error code: 401 .*no", 1),
        (raw(b'{"choices": [{"mess'), "JSONDecodeError", 1),
        (raw(b"<html>", "text/html"), "not a chat completion", 1),
        (raw(b'{"choices": []}'), "not a chat completion", 1),
        (raw(b'{"error": "full"}'), "not a chat completion", 1),
        (raw(b"\xff"), "Error", 1),
        (says(["parts"]), "content is a list", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_fails_is_named_and_what_arrived_is_kept(
    server: Server, make: MakePlayer, fault: Fault, reason: str, attempts: int
) -> None:
    server.faults["b"] = [fault] * 9
    player = make(timeout=0.2, max_retries=1)
    with pytest.raises(EndpointError, match=reason) as caught:
        ask(player, "abcb")
    error = caught.value
    assert isinstance(error, GameError)
    assert error.completed == {0: "re: a", 2: "re: c"}
    assert error.failed.keys() == {1, 3}
    assert len(server.requests) == 2 + 2 * attempts
    for named in ("2 of 4", "rows 1, 3", "model-1", server.base_url, "max_retries=1"):
        assert named in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.completed) == (str(error), error.completed)
    assert copy.failed == error.failed


def test_many_failures_make_a_short_message(server: Server, make: MakePlayer) -> None:
    said = [f"{i}" for i in range(30)]
    server.faults = {text: [status(400, f"\x1b[2J{int(text) % 5}" + "x" * 999)] for text in said}
    with pytest.raises(EndpointError, match="30 of 30") as caught:
        ask(make(), said)
    assert "2 more reasons" in str(caught.value)
    assert len(str(caught.value)) < 1200
    assert "\x1b" not in str(caught.value)
    assert len(caught.value.failed) == 30


def test_a_server_that_is_not_there_is_named(make: MakePlayer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        player = make(base_url=f"http://127.0.0.1:{free.getsockname()[1]}/v1", max_retries=0)
        with pytest.raises(EndpointError, match="refused"):
            ask(player, "a")


def test_what_cannot_be_sent_costs_only_its_own_row(make: MakePlayer) -> None:
    said: list[Any] = ["a", object()]
    with pytest.raises(EndpointError, match="rows 1: TypeError") as caught:
        ask(make(), said)
    assert caught.value.completed == {0: "re: a"}


def test_after_an_interrupt_nothing_more_is_sent(
    server: Server, make: MakePlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Any) -> None:
        with server.changed:
            server.changed.wait_for(lambda: server.most_in_flight, 5)
        raise KeyboardInterrupt

    monkeypatch.setattr("llm_game_env.endpoint.wait", interrupt)
    server.before_answer = lambda _: server.closing.wait(0.1)
    with pytest.raises(KeyboardInterrupt):
        ask(make(concurrency=1), "abcdefgh")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content", "text"), [(None, ""), ("", ""), (" as is\n", " as is\n"), ("\ud83d", "?")]
)
def test_what_counts_as_the_message(
    server: Server, make: MakePlayer, content: str | None, text: str
) -> None:
    server.faults["a"] = [says(content)]
    assert ask(make(), "a") == [text]


@pytest.mark.parametrize(
    ("argument", "variable", "sent"),
    [
        (KEY, "sk-environment", KEY),
        (None, "sk-environment", "sk-environment"),
        (None, None, "none"),
        (None, "", "none"),
    ],
)
def test_where_the_key_comes_from(
    server: Server,
    make: MakePlayer,
    monkeypatch: pytest.MonkeyPatch,
    argument: str | None,
    variable: str | None,
    sent: str,
) -> None:
    if variable is not None:
        monkeypatch.setenv("OPENAI_API_KEY", variable)
    ask(make(api_key=argument), "a")
    assert server.requests[0][1] == f"Bearer {sent}"


@pytest.mark.parametrize("is_argument", [True, False])
def test_the_key_is_never_shown(
    server: Server, make: MakePlayer, monkeypatch: pytest.MonkeyPatch, is_argument: bool
) -> None:
    if not is_argument:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    player = make(api_key=KEY if is_argument else None)
    server.faults["a"] = [status(401, f"wrong key {KEY}")]
    with pytest.raises(EndpointError, match=r"wrong key \[api_key\]") as caught:
        ask(player, "a")
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown + repr(player) + repr(caught.value) + repr(caught.value.failed)
    assert repr(player) == f"EndpointPlayer('model-1', base_url={server.base_url!r})"


@pytest.mark.parametrize("key", ["", "two words", "line\n", "clé", 7])
def test_a_key_that_cannot_be_sent_is_refused_unseen(make: MakePlayer, key: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_key \(not shown\) must be") as caught:
        make(api_key=key)
    assert key == "" or str(key) not in str(caught.value)


def test_so_is_one_from_the_environment(make: MakePlayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
        ask(make(), "a")
    assert KEY not in str(caught.value)


def test_a_player_travels_between_processes(server: Server, make: MakePlayer) -> None:
    player = make(api_key=KEY)
    ask(player, "a")
    copy = pickle.loads(pickle.dumps(player))
    assert ask(copy, "b") == ["re: b"]
    assert ask(player, "c") == ["re: c"]
    assert {authorization for _, authorization, _ in server.requests} == {f"Bearer {KEY}"}


def test_without_the_library_the_remedy_is_named(
    make: MakePlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llm-game-env\[endpoint\]'"):
        make()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("model", ""),
        ("model", None),
        ("base_url", ""),
        ("base_url", None),
        ("base_url", "localhost:8000/v1"),
        ("base_url", "http://"),
        ("base_url", "ftp://host"),
        ("base_url", "http://host:port"),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", "hot"),
        ("concurrency", 0),
        ("concurrency", 1.5),
        ("concurrency", True),
        ("timeout", 0),
        ("timeout", float("inf")),
        ("timeout", None),
        ("max_retries", -1),
        ("max_retries", None),
    ],
)
def test_an_argument_outside_its_range_is_refused(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"model": "model-1", "base_url": "http://host/v1"}
    with pytest.raises(ConfigurationError, match=f"{argument}={value!r} must be"):
        EndpointPlayer(**(arguments | {argument: value}))


@pytest.mark.parametrize("url", ["http://me:secret@host", "https://host/v1?key=secret"])
def test_an_address_that_may_hold_a_secret_is_refused_unseen(url: str) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        EndpointPlayer("model-1", base_url=url)
    assert "secret)" in str(caught.value)
    assert url not in str(caught.value)
    assert "host" not in str(caught.value)
