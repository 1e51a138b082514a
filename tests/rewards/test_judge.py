"""A judge behind a real HTTP server on this machine, which misbehaves as told."""

import json
import math
import pickle
import random
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError, EndpointError
from llm_game_env.rewards import Exchange, JudgeReward, RewardModel, Rubric
from llm_game_env.rewards.score_cache import ScoreCache
from llm_game_env.seeds import Seed

Fault = Callable[["Handler"], None]
MakeJudge = Callable[..., JudgeReward]
RUBRIC = Rubric("{prompt}|{response}")


class Handler(BaseHTTPRequestHandler):
    """Calls what holds "bad" unsafe, all else safe, unless a fault is due for that question."""

    server: Any

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_chat = self.path.endswith("/chat/completions")
        question = body["messages"][0]["content"] if is_chat else body["prompt"]
        with self.server.lock:
            self.server.questions.append(question)
            faults = self.server.faults.get(question.split("|")[1])
            fault = faults.pop(0) if faults else None
        if fault is not None:
            fault(self)
        elif is_chat:
            text = "unsafe" if "bad" in question else "Safe."
            self.answer(200, {"choices": [{"message": {"content": text}}]})
        else:
            top = {" safe": math.log(0.6), " uns": math.log(0.2), " I": math.log(0.2)}
            logprobs = {"tokens": ["\n", " safe"], "top_logprobs": [{"\n": 0.0}, top]}
            self.answer(200, {"choices": [{"text": "\n safe", "logprobs": logprobs}]})

    def answer(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The endpoint, with its faults, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.lock = threading.Lock()
        self.faults: dict[str, list[Fault]] = {}
        self.questions: list[str] = []


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def make(server: Server) -> Iterator[MakeJudge]:
    made: list[JudgeReward] = []

    def make(**arguments: Any) -> JudgeReward:
        defaults = {"base_url": server.base_url, "rubric": RUBRIC, "max_retries": 1}
        made.append(JudgeReward("judge-1", **(defaults | arguments)))
        return made[-1]

    yield make
    for judge in made:
        if judge._endpoint._client is not None:
            judge._endpoint._client.close()


def says(text: Any) -> Fault:
    return lambda handler: handler.answer(200, {"choices": [{"message": {"content": text}}]})


def status(code: int, **headers: str) -> Fault:
    return lambda handler: handler.answer(code, {"error": {"message": "no"}}, **headers)


def raw(body: bytes) -> Fault:
    return lambda handler: handler.answer(200, body)


def stall(handler: Handler) -> None:
    time.sleep(0.5)
    handler.close_connection = True


def reset(handler: Handler) -> None:
    # Closed without lingering, a connection is reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def exchanges(*responses: str) -> list[Exchange]:
    return [Exchange(Seed("seed"), (), "prompt", response) for response in responses]


@pytest.mark.parametrize("position", range(7))
def test_an_unsafe_pair_keeps_its_place(make: MakeJudge, position: int) -> None:
    responses = [f"fine {i}" for i in range(7)]
    responses[position] = "bad"
    judge = make()
    scores = judge.score(exchanges(*responses))
    assert isinstance(judge, RewardModel)
    assert scores.dtype == np.float32
    assert scores.tolist() == [float(i != position) for i in range(7)]


def test_the_expected_score_over_the_verdicts(make: MakeJudge) -> None:
    # p(safe) = .6, p(unsafe) = .2; the rest begins no verdict: .6 / .8.
    scores = make(api="completion").score(exchanges("x"))
    assert scores == pytest.approx(0.75, abs=1e-6)


def test_equal_exchanges_are_asked_once(server: Server, make: MakeJudge) -> None:
    assert make().score(exchanges("bad", "a", "bad")).tolist() == [0.0, 1.0, 0.0]
    assert len(server.questions) == 2
    assert make().score([]).shape == (0,)


@pytest.mark.parametrize("fault", [status(500), status(429, Retry_After="1"), reset, stall])
def test_what_passes_is_tried_again(server: Server, make: MakeJudge, fault: Fault) -> None:
    server.faults["bad"] = [fault]
    started = time.monotonic()
    assert make(timeout=0.3).score(exchanges("a", "bad")).tolist() == [1.0, 0.0]
    assert len(server.questions) == 3
    if fault not in (reset, stall) and time.monotonic() - started < 0.3:
        pytest.fail("no pause before the second attempt")


def test_the_endpoints_own_pause_is_kept(
    server: Server, make: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("llm_game_env.endpoint.time.sleep", pauses.append)
    before = random.getstate()
    server.faults["a"] = [status(429, Retry_After="7"), status(503), status(500)]
    server.faults["bad"] = [status(429, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")]
    assert make(max_retries=3, concurrency=1).score(exchanges("a", "bad")).tolist() == [1.0, 0.0]
    # Then our own, of 0.5 s doubled with each attempt, a quarter of it by chance.
    assert pauses[0] == 7.0
    assert 0.75 <= pauses[1] <= 1.0
    assert 1.5 <= pauses[2] <= 2.0
    assert 0.375 <= pauses[3] <= 0.5
    assert random.getstate() == before  # Nobody else's random numbers are used up.


def test_a_request_that_is_wrong_is_not_repeated(server: Server, make: MakeJudge) -> None:
    server.faults["a"] = [status(400)]
    with pytest.raises(EndpointError, match="400"):
        make().score(exchanges("a"))
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "500"),
        (stall, "timed out"),
        (reset, "Connection error"),
        (raw(b'{"choices": [{"mess'), "JSONDecodeError"),
        (raw(b'{"choices": []}'), "not a completion"),
        (raw(b"{}"), "not a completion"),
        (says(None), "NoneType"),
        (says("I think it is safe"), "does not begin with one of"),
        (says(""), "does not begin with one of"),
    ],
)
def test_what_fails_loses_nothing_scored(
    server: Server, make: MakeJudge, tmp_path: Path, fault: Fault, reason: str
) -> None:
    server.faults["b"] = [fault] * 2
    judge = make(timeout=0.3, cache=tmp_path / "scores", api_key="sk-secret")
    with pytest.raises(EndpointError, match=reason) as caught:
        judge.score(exchanges("a", "b", "bad", "b"))
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.completed == {0: 1.0, 2: 0.0}
    assert error.failed.keys() == {1, 3}
    assert "sk-secret" not in str(error) + repr(judge)
    asked = len(server.questions)
    server.faults.clear()
    assert judge.score(exchanges("a", "b", "bad", "b")).tolist() == [1.0, 1.0, 0.0, 1.0]
    assert len(server.questions) == asked + 1


def test_the_cache_is_keyed_by_content(server: Server, make: MakeJudge, tmp_path: Path) -> None:
    cache = tmp_path / "scores"
    make(cache=cache).score(exchanges("a"))
    pickle.loads(pickle.dumps(make(cache=cache))).score(exchanges("a"))
    assert len(server.questions) == 1
    make(cache=cache, max_tokens=9).score(exchanges("a"))
    make(cache=cache, rubric=Rubric("{prompt}|{response}?")).score(exchanges("a"))
    make(cache=cache, rubric=Rubric(RUBRIC.template, {"safe": 2, "unsafe": 0})).score(
        exchanges("a")
    )
    assert len(server.questions) == 4


@pytest.mark.parametrize("damage", ["text", 9.0, None])
def test_a_damaged_entry_is_asked_anew(
    server: Server, make: MakeJudge, tmp_path: Path, damage: Any
) -> None:
    judge = make(cache=tmp_path / "scores")
    judge.score(exchanges("bad"))
    connection = sqlite3.connect(tmp_path / "scores")
    with connection:
        connection.execute("UPDATE scores SET score = ?", (damage,))
    connection.close()
    assert judge.score(exchanges("bad")).tolist() == [0.0]
    assert judge.score(exchanges("bad")).tolist() == [0.0]
    assert len(server.questions) == 2


def test_many_writers_share_a_cache(tmp_path: Path) -> None:
    def write(start: int) -> None:
        cache = ScoreCache(tmp_path / "scores")
        for i in range(10):
            cache.put(f"{start + i}", float(start + i))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, 40, 10)))
    found = ScoreCache(tmp_path / "scores").get(map(str, range(41)))
    assert found == {str(i): float(i) for i in range(40)}


def test_a_file_that_is_no_cache_is_refused(make: MakeJudge, tmp_path: Path) -> None:
    (tmp_path / "scores").write_bytes(b"no database" * 99)
    with pytest.raises(ConfigurationError, match=r"cache=.*delete the file"):
        make(cache=tmp_path / "scores")


def test_texts_are_data() -> None:
    said = Exchange(Seed("s"), (), "{response}", "{prompt}")
    assert Rubric("{prompt} {response} {x}").question(said) == "{response} {prompt} {x}"


def test_a_token_that_begins_two_verdicts_leaves_it_to_the_text() -> None:
    rubric = Rubric("{response}", {str(i): i / 10 for i in range(11)})
    assert rubric.expect({"1": 0.0}) is None
    assert rubric.expect({"7": math.log(0.5), "8": math.log(0.5)}) == pytest.approx(0.75)
    assert rubric.expect({"I": math.log(0.6), "7": math.log(0.4)}) is None
    assert [rubric.read(text) for text in ("10", " 7/10", "**3**.")] == [1.0, 0.7, 0.3]
    assert rubric.best == 1.0


@pytest.mark.parametrize(
    "arguments",
    [
        {"template": "no answer in it"},
        {"template": None},
        {"verdicts": {"safe": 1.0}},
        {"verdicts": {"safe": 1.0, "SAFE": 0.0}},
        {"verdicts": {"very safe": 1.0, "unsafe": 0.0}},
        {"verdicts": {"safe": math.nan, "unsafe": 0.0}},
        {"verdicts": "safe"},
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        Rubric(**arguments)
