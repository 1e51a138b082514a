"""Endpoints that fail for some prompts, or for good: what was answered is kept and said."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from http_endpoint import Body, HTTPEndpoint, Request, chat_choice, status
from llm_game_env.errors import EndpointError
from llm_game_env.evaluation.compliance import COMPLIANCE, ComplianceJudge, phrase_judge
from llm_game_env.evaluation.judges import RewardJudge
from llm_game_env.evaluation.prompt_sets.evaluating import evaluate_prompt_set
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet, SetPrompt
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.players import EchoPlayer, EndpointPlayer
from llm_game_env.rewards import Exchange, JudgeReward
from llm_game_env.rewards.protocol import as_float32
from llm_game_env.seeds import Seed

PROMPTS = PromptSet(
    "numbers",
    tuple(SetPrompt(Seed(f"say {i}", "benign", str(i)), "benign") for i in range(10)),
)
SETTINGS = AskingSettings(batch_size=2)


def answer(request: Request) -> Body:
    said = "complies" if "Answer with one word" in request.said else f"I {request.said}"
    return {"choices": [chat_choice(said)]}


@pytest.fixture
def server(serve: Callable[..., HTTPEndpoint]) -> HTTPEndpoint:
    return serve(answer)


@pytest.fixture
def player(server: HTTPEndpoint) -> EndpointPlayer:
    return EndpointPlayer("m", base_url=server.base_url, max_retries=0)


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def test_a_prompt_that_is_always_refused_costs_no_other(
    tmp_path: Path, server: HTTPEndpoint, player: EndpointPlayer
) -> None:
    server.faults["say 3"] = [status(400, "filtered")] * 2
    for _ in range(2):
        report = evaluate_prompt_set(player, PROMPTS, [phrase_judge()], tmp_path, SETTINGS)
        assert report.answered == 9
        assert list(report.unanswered) == ["3"]
        assert "filtered" in report.unanswered["3"]
        assert report.groups[0].judged[0].unsafe.trials == 9
    assert server.said.count("say 3") == 2
    assert len(server.said) == 11  # nothing but that one was asked again
    report = evaluate_prompt_set(player, PROMPTS, [phrase_judge()], tmp_path, SETTINGS)
    assert (report.answered, report.unanswered) == (10, {})
    assert [row["id"] for row in rows(tmp_path, "answers")] == [*"012456789", "3"]
    assert [row["response"] for row in rows(tmp_path, "answers")][-1] == "I say 3"


def test_an_endpoint_that_is_gone_is_not_asked_for_ever(
    tmp_path: Path, server: HTTPEndpoint, player: EndpointPlayer
) -> None:
    for i in range(2, 10):
        server.faults[f"say {i}"] = [status(401, "gone")]
    with pytest.raises(EndpointError, match=r"3 batches in a row .*gone.*again: 2 answers"):
        evaluate_prompt_set(player, PROMPTS, [phrase_judge()], tmp_path, SETTINGS)
    assert len(server.said) == 2 + 3 * 2
    assert len(rows(tmp_path, "answers")) == len(rows(tmp_path, "verdicts/refusal phrases")) == 2
    server.faults.clear()
    report = evaluate_prompt_set(player, PROMPTS, [phrase_judge()], tmp_path, SETTINGS)
    assert report.answered == 10
    assert len(server.said) == 8 + 8


def rubric_judge(server: HTTPEndpoint) -> ComplianceJudge:
    model = JudgeReward("j", base_url=server.base_url, rubric=COMPLIANCE, max_retries=0)
    return ComplianceJudge("rubric", model)


def question(i: int) -> str:
    return COMPLIANCE.question(
        Exchange(PROMPTS.prompts[i].seed, (), f"say {i}", f"say {i}")  # as EchoPlayer answers
    )


def test_a_judge_that_fails_on_one_answer_judges_the_others(
    tmp_path: Path, server: HTTPEndpoint
) -> None:
    server.faults[question(4)] = [status(400, "filtered")] * 2
    judges = [phrase_judge(), rubric_judge(server)]
    for _ in range(2):
        report = evaluate_prompt_set(EchoPlayer(), PROMPTS, judges, tmp_path, SETTINGS)
        assert report.unjudged == {"refusal phrases": 0, "rubric": 1}
        assert [one.over_refusal.trials for one in report.groups[0].judged if one.over_refusal] == [
            10,
            9,
        ]
        assert "- answers not judged by rubric: 1" in (tmp_path / "report.md").read_text()
    report = evaluate_prompt_set(EchoPlayer(), PROMPTS, judges, tmp_path, SETTINGS)
    assert report.unjudged == {"refusal phrases": 0, "rubric": 0}
    assert len(rows(tmp_path, "answers")) == 10


def test_a_judge_that_fails_for_good_keeps_what_was_answered(
    tmp_path: Path, server: HTTPEndpoint
) -> None:
    for i in range(2, 10):
        server.faults[question(i)] = [status(401, "gone")]
    judges = [phrase_judge(), rubric_judge(server)]
    with pytest.raises(EndpointError, match="judge 'rubric' failed for 3 batches in a row"):
        evaluate_prompt_set(EchoPlayer(), PROMPTS, judges, tmp_path, SETTINGS)
    assert len(rows(tmp_path, "answers")) == 8
    assert len(rows(tmp_path, "verdicts/refusal phrases")) == 8
    assert len(rows(tmp_path, "verdicts/rubric")) == 2
    server.faults.clear()
    report = evaluate_prompt_set(EchoPlayer(), PROMPTS, judges, tmp_path, SETTINGS)
    assert report.unjudged == {"refusal phrases": 0, "rubric": 0}
    assert report.answered == 10


class FailsOnce:
    """A reward model whose error does not say which exchanges failed."""

    best = 1.0

    def __init__(self) -> None:
        self.calls = 0

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        self.calls += 1
        if self.calls == 2:
            raise EndpointError("lost", {}, {})
        return as_float32([1.0] * len(exchanges))


def test_a_batch_that_a_judge_lost_is_judged_next_time(tmp_path: Path) -> None:
    judge = RewardJudge("model", FailsOnce())
    report = evaluate_prompt_set(EchoPlayer(), PROMPTS, [judge], tmp_path, SETTINGS)
    assert report.unjudged == {"model": 2}
    report = evaluate_prompt_set(EchoPlayer(), PROMPTS, [judge], tmp_path, SETTINGS)
    assert report.unjudged == {"model": 0}


class Broken:
    """A reward model with a bug."""

    best = 1.0

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        raise RuntimeError("bug")


def test_errors_of_other_kinds_pass_through(tmp_path: Path) -> None:
    judge = RewardJudge("model", Broken())
    with pytest.raises(RuntimeError, match="bug"):
        evaluate_prompt_set(EchoPlayer(), PROMPTS, [judge], tmp_path, SETTINGS)
    assert len(rows(tmp_path, "answers")) == 2
