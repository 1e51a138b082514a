"""A judge behind a real HTTP server on this machine, which answers and misbehaves as told."""

import math
import pickle
import random
import resource
import sqlite3
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from http_endpoint import (
    Fault,
    HTTPEndpoint,
    Request,
    chat_choice,
    raw,
    reset,
    says,
    stall,
    status,
)
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError, EndpointError
from llm_game_env.rewards import Exchange, JudgeReward, RewardModel, Rubric
from llm_game_env.rewards.score_cache import ScoreCache
from llm_game_env.seeds import Seed

MakeJudge = Callable[..., JudgeReward]
RUBRIC = Rubric("{response}")


def verdict(request: Request) -> dict[str, Any]:
    """Calls what holds "bad" unsafe, all else safe; a completion is less sure."""
    if request.is_chat:
        return {"choices": [chat_choice("unsafe" if "bad" in request.said else "Safe.")]}
    top = {" safe": math.log(0.6), " uns": math.log(0.2), " I": math.log(0.2)}
    logprobs = {"tokens": ["\n", " safe"], "top_logprobs": [{"\n": 0.0}, top]}
    return {"choices": [{"text": "\n safe", "logprobs": logprobs}]}


@pytest.fixture
def server(serve: Callable[..., HTTPEndpoint]) -> HTTPEndpoint:
    return serve(verdict)


@pytest.fixture
def make(server: HTTPEndpoint) -> MakeJudge:
    """`make(**arguments)`: a judge at the server."""

    def judge(**arguments: Any) -> JudgeReward:
        defaults = {"base_url": server.base_url, "rubric": RUBRIC, "max_retries": 1}
        return JudgeReward("judge-1", **(defaults | arguments))

    return judge


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


def test_equal_exchanges_are_asked_once(server: HTTPEndpoint, make: MakeJudge) -> None:
    assert make().score(exchanges("bad", "a", "bad")).tolist() == [0.0, 1.0, 0.0]
    assert len(server.requests) == 2
    assert make().score([]).shape == (0,)


def test_the_endpoints_own_pause_is_kept(
    server: HTTPEndpoint, make: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_game_env.endpoint._FIRST_PAUSE", 0.5)
    pauses: list[float] = []
    monkeypatch.setattr("llm_game_env.endpoint.time.sleep", pauses.append)
    before = random.getstate()
    server.faults["a"] = [status(429, retry_after="7"), status(503), status(500)]
    server.faults["bad"] = [status(429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT")]
    assert make(max_retries=3, concurrency=1).score(exchanges("a", "bad")).tolist() == [1.0, 0.0]
    # Then our own, of 0.5 s doubled with each attempt, a quarter of it by chance.
    assert pauses[0] == 7.0
    assert 0.75 <= pauses[1] <= 1.0
    assert 1.5 <= pauses[2] <= 2.0
    assert 0.375 <= pauses[3] <= 0.5
    assert random.getstate() == before  # Nobody else's random numbers are used up.


def test_a_request_that_is_wrong_is_not_repeated(server: HTTPEndpoint, make: MakeJudge) -> None:
    server.faults["a"] = [status(400)]
    with pytest.raises(EndpointError, match="400"):
        make().score(exchanges("a"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "500"),
        (stall, "timed out"),
        (reset, "Connection error"),
        (raw(b'{"choices": [{"mess'), "JSONDecodeError"),
        (raw(b'{"choices": []}'), "not a completion"),
        (raw(b"{}"), "not a completion"),
        (says(None), "no text"),
        (says("I think it is safe"), "does not begin with one of"),
        (says(""), "does not begin with one of"),
    ],
)
def test_what_fails_loses_nothing_scored(
    server: HTTPEndpoint, make: MakeJudge, tmp_path: Path, fault: Fault, reason: str
) -> None:
    server.faults["b"] = [fault] * 2
    judge = make(timeout=0.3, cache=tmp_path / "scores", api_key="sk-secret")
    with pytest.raises(EndpointError, match=reason) as caught:
        judge.score(exchanges("a", "b", "bad", "b"))
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.completed == {0: 1.0, 2: 0.0}
    assert error.failed.keys() == {1, 3}
    assert "sk-secret" not in str(error) + repr(judge)
    asked = len(server.requests)
    server.faults.clear()
    assert judge.score(exchanges("a", "b", "bad", "b")).tolist() == [1.0, 1.0, 0.0, 1.0]
    assert len(server.requests) == asked + 1


def test_the_cache_is_keyed_by_content(
    server: HTTPEndpoint, make: MakeJudge, tmp_path: Path
) -> None:
    cache = tmp_path / "scores"
    make(cache=cache).score(exchanges("a"))
    pickle.loads(pickle.dumps(make(cache=cache))).score(exchanges("a"))
    assert len(server.requests) == 1
    make(cache=cache, max_tokens=9).score(exchanges("a"))
    make(cache=cache, rubric=Rubric("{prompt}|{response}")).score(exchanges("a"))
    make(cache=cache, rubric=Rubric(RUBRIC.template, {"safe": 2, "unsafe": 0})).score(
        exchanges("a")
    )
    assert len(server.requests) == 4


@pytest.mark.parametrize("damage", ["text", 9.0, None])
def test_a_damaged_entry_is_asked_anew(
    server: HTTPEndpoint, make: MakeJudge, tmp_path: Path, damage: Any
) -> None:
    judge = make(cache=tmp_path / "scores")
    judge.score(exchanges("bad"))
    connection = sqlite3.connect(tmp_path / "scores")
    with connection:
        connection.execute("UPDATE scores SET score = ?", (damage,))
    connection.close()
    assert judge.score(exchanges("bad")).tolist() == [0.0]
    assert judge.score(exchanges("bad")).tolist() == [0.0]
    assert len(server.requests) == 2


def test_a_cache_that_is_locked_costs_no_score(
    server: HTTPEndpoint, make: MakeJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_game_env.rewards.score_cache._SECONDS_TO_WAIT", 0.01)
    judge = make(cache=tmp_path / "scores")
    judge.score(exchanges("a"))
    server.faults["b"] = [status(400)] * 2
    with closing(sqlite3.connect(tmp_path / "scores", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.warns(RuntimeWarning, match=r"cache=.*locked\); they count") as told:
            assert judge.score(exchanges("bad", "a", "c")).tolist() == [0.0, 1.0, 1.0]
        assert len(told) == 1
        with pytest.warns(RuntimeWarning), pytest.raises(EndpointError) as caught:
            judge.score(exchanges("b", "bad", "a"))
        assert caught.value.completed == {1: 0.0, 2: 1.0}
        assert "in the cache" not in str(caught.value)
        other.execute("ROLLBACK")
        other.execute("BEGIN EXCLUSIVE")
        asked = len(server.requests)
        with pytest.raises(ConfigurationError, match=r"cache=.*database is locked"):
            judge.score(exchanges("bad"))
        assert len(server.requests) == asked
    for _ in range(2):
        assert judge.score(exchanges("bad", "a")).tolist() == [0.0, 1.0]
    assert len(server.requests) == asked + 1


def test_so_does_a_full_disk(server: HTTPEndpoint, make: MakeJudge, tmp_path: Path) -> None:
    judge = make(cache=tmp_path / "scores")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, before[1]))  # of this process's files
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("default")
            for _ in range(3):
                assert judge.score(exchanges("bad", "a", "c")).tolist() == [0.0, 1.0, 1.0]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [str(each.message).count("could not be written") for each in told] == [1]
    for _ in range(2):
        assert judge.score(exchanges("bad", "a", "c")).tolist() == [0.0, 1.0, 1.0]
    assert len(server.requests) == 4 * 3


def test_a_game_takes_no_key_along(
    server: HTTPEndpoint, make: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(env: Any) -> Any:
        env.reset(seed=0)
        env.step("prompt")
        env.step("bad")
        assert env.rewards["defender_0"] == 0.0
        assert "sk-secret" not in repr(env) + str(env)
        return env

    def game(**arguments: Any) -> Any:
        return red_team_v0.env(seed_prompts=["s"], reward_model=make(**arguments))

    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        pickle.dumps(play(game(api_key="sk-secret")))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    pickled = pickle.dumps(play(game()))
    assert b"sk-secret" not in pickled
    play(pickle.loads(pickled))
    assert {request.authorization for request in server.requests} == {"Bearer sk-secret"}


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
    with pytest.raises(ConfigurationError, match=r"cache=.*delete this one"):
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
