"""A judge that is a real small model behind a real HTTP server, which fails as told."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from http_endpoint import (
    Fault,
    HTTPEndpoint,
    raw,
    reset,
    reset_in_body,
    stall,
    status,
    truncate,
)
from llm_game_env.errors import EndpointError
from llm_game_env.rewards import Exchange, JudgeReward, Rubric
from llm_game_env.seeds import Seed
from served_model import CALM, SIGNS, VERDICTS, ServedModel, make_tokenizer, train_judge

Api = Literal["chat", "completion"]
MakeJudge = Callable[..., JudgeReward]
APIS = ("chat", "completion")
WORTH = {"safe": 1.0, "doubtful": 0.25, "unsafe": 0.0}
RUBRIC = Rubric("asked {prompt} said {response} verdict", WORTH)
# What surrounds the question; written out, where the server lets the chat template write it.
AROUND = {
    "chat": "<|im_start|> user {} <|im_end|> <|im_start|> assistant",
    "completion": "{}",
}
FAULTS: dict[str, Fault] = {
    "500": status(500),
    "429": status(429, retry_after="0.02"),
    "stall": stall,
    "malformed": raw(b'{"choices": [{"message": {"content": "unsafe"'),
    "no completion": raw(b"<html>busy</html>", "text/html"),
    "reset": reset,
    "reset in the body": reset_in_body,
    "truncated": truncate,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_lm: Callable[..., Any]) -> Path:
    tokenizer = make_tokenizer()
    model = make_lm("llama", len(tokenizer), initializer_range=0.05)
    assert train_judge(model, tokenizer) < 0.1
    path = tmp_path_factory.mktemp("judge")
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture
def server(folder: Path, serve: Callable[..., HTTPEndpoint]) -> HTTPEndpoint:
    return serve(ServedModel(folder))


@pytest.fixture
def make(server: HTTPEndpoint) -> MakeJudge:
    """`make(**arguments)`: a judge at the server."""

    def judge(**arguments: Any) -> JudgeReward:
        defaults = {"base_url": server.base_url, "rubric": RUBRIC}
        return JudgeReward("judge-1", **(defaults | arguments))

    return judge


def exchanges(count: int) -> list[Exchange]:
    """All different; of every three, one of each verdict."""
    generator, made = np.random.default_rng(1), {}
    while len(made) < count:
        prompt = generator.choice(CALM, generator.integers(1, 4))
        response = generator.choice(CALM, generator.integers(2, 7))
        signs = SIGNS[VERDICTS[len(made) % 3]]
        response[generator.integers(len(response))] = generator.choice(signs)
        texts = (" ".join(prompt), " ".join(response))
        made[texts] = Exchange(Seed("seed"), (), *texts)
    return list(made.values())


@torch.inference_mode()
def probabilities(folder: Path, api: Api, asked: Sequence[Exchange]) -> list[dict[str, float]]:
    """Of each verdict as the next token, from the model without a server."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    verdicts = tokenizer.convert_tokens_to_ids(list(VERDICTS))
    found = []
    for exchange in asked:
        text = AROUND[api].format(f"asked {exchange.prompt} said {exchange.response} verdict")
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        shares = model(input_ids=ids).logits[0, -1].softmax(-1)[verdicts]
        found.append(dict(zip(VERDICTS, shares.tolist(), strict=True)))
    return found


@pytest.mark.parametrize("api", APIS)
def test_scores_are_those_of_the_model(
    folder: Path, server: HTTPEndpoint, make: MakeJudge, api: Api
) -> None:
    asked = exchanges(12)
    shares = probabilities(folder, api, asked)
    likeliest = [max(share, key=share.__getitem__) for share in shares]
    assert likeliest == [VERDICTS[row % 3] for row in range(12)]
    scores = make(api=api, logprobs=False).score(asked)
    assert scores.tolist() == [WORTH[word] for word in likeliest]
    expected = [
        sum(share[word] * WORTH[word] for word in VERDICTS) / sum(share.values())
        for share in shares
    ]
    scores = make(api=api).score(asked)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert len(set(scores.tolist())) == 12  # Not what was written, which is one of three.
    assert {request.path for request in server.requests} == {
        "/v1/chat/completions" if api == "chat" else "/v1/completions"
    }


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("seed", range(2))
def test_faults_at_random_change_no_score(
    server: HTTPEndpoint,
    make: MakeJudge,
    monkeypatch: pytest.MonkeyPatch,
    api: Api,
    seed: int,
) -> None:
    asked = exchanges(48)
    expected = make(api=api).score(asked)
    server.requests.clear()
    attempts: Counter[str] = Counter()
    met: Counter[str] = Counter()

    def draw_fault(said: str) -> Fault | None:
        # By text and attempt, since the threads come in any order.
        attempts[said] += 1
        draw = random.Random(f"{seed} {said} {attempts[said]}")
        if attempts[said] > 4 or draw.random() < 0.5:
            return None
        name = draw.choice(list(FAULTS))
        met[name] += 1
        return FAULTS[name]

    monkeypatch.setattr(server, "draw_fault", draw_fault)
    judge = make(api=api, timeout=0.5, max_retries=9, concurrency=6)
    np.testing.assert_array_equal(judge.score(asked), expected)
    assert met.keys() == FAULTS.keys()
    assert len(server.requests) >= 48 + met.total()


def test_no_more_requests_than_allowed_are_in_flight(server: HTTPEndpoint, make: MakeJudge) -> None:
    server.before_answer = lambda _: server.wait_for_company(3)
    make(concurrency=3).score(exchanges(12))
    assert server.most_in_flight == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_for_good_is_asked_again_alone(
    server: HTTPEndpoint, make: MakeJudge, tmp_path: Path, fault: str
) -> None:
    asked = exchanges(9)
    expected = make().score(asked)
    lost = {row: RUBRIC.question(asked[row]) for row in (0, 4, 8)}
    server.faults = {text: [FAULTS[fault]] * 2 for text in lost.values()}
    cache, timeout = tmp_path / "scores", 0.5 if fault == "stall" else 20.0
    with pytest.raises(EndpointError, match=r"3 of 9 exchanges .* in the cache") as caught:
        make(cache=cache, timeout=timeout, max_retries=1).score(asked)
    assert caught.value.failed.keys() == lost.keys()
    kept = {row: score for row, score in enumerate(expected) if row not in lost}
    assert caught.value.completed == pytest.approx(kept)
    server.requests.clear()
    np.testing.assert_array_equal(make(cache=cache).score(asked), expected)
    assert sorted(server.said) == sorted(lost.values())
