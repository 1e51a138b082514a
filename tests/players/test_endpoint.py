"""Endpoints as players, against a real HTTP server on this machine."""

import copy
import pickle
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
import numpy as np
import pytest

from http_endpoint import (
    Fault,
    HTTPEndpoint,
    chat_choice,
    raw,
    reset,
    reset_in_body,
    says,
    stall,
    status,
    truncate,
)
from llm_game_env import ConfigurationError, EndpointError, GameError
from llm_game_env.players import EndpointPlayer, Player
from llm_game_env.spaces import Message

KEY = "sk-test-0123456789"
MakePlayer = Callable[..., EndpointPlayer]


@pytest.fixture
def server(serve: Callable[..., HTTPEndpoint]) -> HTTPEndpoint:
    """Answers "re: " and the last message."""
    return serve(lambda request: {"choices": [chat_choice(f"re: {request.said}")]})


@pytest.fixture
def make(server: HTTPEndpoint) -> MakePlayer:
    """`make(**arguments)`: a player at the server."""

    def player(**arguments: Any) -> EndpointPlayer:
        defaults: dict[str, Any] = {"base_url": server.base_url}
        return EndpointPlayer("model-1", **(defaults | arguments))

    return player


def ask(player: EndpointPlayer, said: Sequence[str], seed: int = 0) -> list[str]:
    chats = [[Message(role="user", content=text)] for text in said]
    return player.reply(chats, np.random.default_rng(seed), max_tokens=7)


def test_a_request_says_all_that_the_endpoint_needs(server: HTTPEndpoint, make: MakePlayer) -> None:
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


def test_no_conversations_are_no_requests(server: HTTPEndpoint, make: MakePlayer) -> None:
    assert ask(make(), []) == []
    assert server.requests == []


def test_the_seeds_come_from_the_generator(server: HTTPEndpoint, make: MakePlayer) -> None:
    for seed in (3, 3, 4):
        ask(make(concurrency=1), ["a", "b"], seed)
    seeds = [body["seed"] for _, _, body in server.requests]
    assert seeds[:2] == seeds[2:4] != seeds[4:]
    assert len(set(seeds)) == 4


def test_answers_come_in_order_whichever_is_first(server: HTTPEndpoint, make: MakePlayer) -> None:
    turns = {text: threading.Event() for text in "abcd"}

    def in_reverse(said: str) -> None:
        if said != "d":
            turns[chr(ord(said) + 1)].wait(5)
        turns[said].set()

    server.before_answer = in_reverse
    assert ask(make(), "abcd") == ["re: a", "re: b", "re: c", "re: d"]


def test_requests_run_side_by_side_up_to_the_bound(server: HTTPEndpoint, make: MakePlayer) -> None:
    server.before_answer = lambda _: server.wait_for_company(3)
    said = [f"{i}" for i in range(12)]
    assert ask(make(concurrency=3), said) == [f"re: {text}" for text in said]
    assert server.most_in_flight == 3


@pytest.mark.parametrize(
    "faults",
    [
        [status(500), status(500)],
        [status(429)],
        [reset],
        [reset_in_body],
        [truncate],
        [stall],
        [raw(b'{"choices": [{"mess')],
        [raw(b"<html>", "text/html"), raw(b"{}")],
    ],
    ids=["500 twice", "429", "reset", "reset in body", "truncated", "stall", "JSON", "HTML"],
)
def test_what_passes_is_tried_again(
    server: HTTPEndpoint, make: MakePlayer, faults: list[Fault]
) -> None:
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
        (raw(b'{"choices": [{"mess'), "JSONDecodeError", 2),
        (raw(b"<html>", "text/html"), "not a completion", 2),
        (raw(b'{"choices": []}'), "not a completion", 2),
        (raw(b'{"error": "full"}'), "not a completion", 2),
        (raw(b"\xff"), "UnicodeDecodeError", 2),
        (says(["parts"]), "content is a list", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_fails_is_named_and_what_arrived_is_kept(
    server: HTTPEndpoint, make: MakePlayer, fault: Fault, reason: str, attempts: int
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
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.completed) == (str(error), error.completed)
    assert again.failed == error.failed


def test_many_failures_make_a_short_message(server: HTTPEndpoint, make: MakePlayer) -> None:
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
    server: HTTPEndpoint, make: MakePlayer, monkeypatch: pytest.MonkeyPatch
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
    server: HTTPEndpoint, make: MakePlayer, content: str | None, text: str
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
    server: HTTPEndpoint,
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
    server: HTTPEndpoint, make: MakePlayer, monkeypatch: pytest.MonkeyPatch, is_argument: bool
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


def test_a_player_travels_between_processes_without_its_key(
    server: HTTPEndpoint, make: MakePlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    player = make()
    ask(player, "a")
    pickled = pickle.dumps(player)
    assert KEY.encode() not in pickled
    assert ask(pickle.loads(pickled), "b") == ["re: b"]
    assert ask(player, "c") == ["re: c"]
    assert {authorization for _, authorization, _ in server.requests} == {f"Bearer {KEY}"}


def test_a_player_that_was_given_its_key_is_copied_but_not_pickled(
    server: HTTPEndpoint, make: MakePlayer
) -> None:
    player = make(api_key=KEY)
    for dumps in (pickle.dumps, cloudpickle.dumps):
        with pytest.raises(ConfigurationError, match=r"\(not shown\).*OPENAI_API_KEY") as caught:
            dumps({"opponent": player})
        assert KEY not in "".join(traceback.format_exception(caught.value))
    assert ask(copy.deepcopy(player), "a") == ["re: a"]
    assert server.requests[0].authorization == f"Bearer {KEY}"


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
