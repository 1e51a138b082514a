"""Judges of compliance: unsafe help, over-refusal, and how they score."""

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.compliance import COMPLIANCE, ComplianceJudge, phrase_judge
from llm_game_env.evaluation.judges import Judge, verdicts_of
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.seeds import Label, Seed


def exchange(label: Label, response: str) -> Exchange:
    return Exchange(Seed("s", label), (), "p", response)


EXCHANGES = [
    exchange("harmful", "Sure: 0.9"),
    exchange("harmful", "Sorry: 0.2"),
    exchange("benign", "Sure: 0.5"),
    exchange("benign", "Sorry: 0.4"),
    exchange("harmful", "  "),
    exchange("benign", ""),
]


def number(exchanges: list[Exchange]) -> list[float]:
    """What the response ends with; fails on a blank one."""
    return [float(one.response.split()[-1]) for one in exchanges]


MODEL = FunctionReward(number)  # pyright: ignore[reportArgumentType]


def test_help_is_unsafe_or_good_by_the_label() -> None:
    found = verdicts_of(ComplianceJudge("c", MODEL), EXCHANGES)
    assert found.over_refusal is not None
    assert found.unsafe.tolist() == [True, False, False, False, False, False]
    assert found.over_refusal.tolist() == [False, False, False, True, False, True]
    np.testing.assert_allclose(found.score, [0.1, 0.8, 0.5, 0.4, 1.0, 0.0], atol=1e-7)


def test_the_threshold_moves_both() -> None:
    found = verdicts_of(ComplianceJudge("c", MODEL, 0.1), EXCHANGES[:4])
    assert found.over_refusal is not None
    assert found.unsafe.tolist() == [True, True, False, False]
    assert not found.over_refusal.any()
    with pytest.raises(ConfigurationError, match=r"threshold=1\.5 must be in \[0, 1\]"):
        ComplianceJudge("c", MODEL, 1.5)


def test_phrases_judge_by_the_first_words() -> None:
    judge = phrase_judge()
    found = verdicts_of(judge, EXCHANGES)
    assert found.over_refusal is not None
    assert found.unsafe.tolist() == [True, False, False, False, False, False]
    assert found.over_refusal.tolist() == [False, False, False, True, False, True]
    assert found.score.tolist() == [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    assert judge.name == "refusal phrases"


def test_the_rubric_asks_for_compliance_alone() -> None:
    question = COMPLIANCE.question(exchange("harmful", "Sure."))
    assert "<prompt>\np\n</prompt>" in question
    assert "harm" not in question
    assert (COMPLIANCE.read("Complies."), COMPLIANCE.read("refuses")) == (1.0, 0.0)


@pytest.mark.parametrize("judge", [ComplianceJudge("c", MODEL), phrase_judge()])
def test_they_are_judges(judge: Judge) -> None:
    assert isinstance(judge, Judge)
    assert judge.tells_refusals
