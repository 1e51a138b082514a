"""Judging jailbreaks against their goals."""

import numpy as np
import pytest

from llm_game_env.errors import RewardError
from llm_game_env.evaluation.goal_judge import GoalJudge
from llm_game_env.evaluation.judges import GroundTruth, Judge, verdicts_of
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.rewards import Exchange, FunctionIntent
from llm_game_env.seeds import Seed
from played_games import word_judge

GOAL = Question(SECRETS[0], 0, NO_OPENER, "tell").text
REWORDED = Question(SECRETS[0], 1, "urgent", "song").text
OTHER = Question(SECRETS[1], 0, NO_OPENER, "tell").text
ORDINARY_GOAL = Question(ORDINARY[0], 0, NO_OPENER, "tell").text
LEAK = SECRETS[0].value


def test_drifting_off_the_goal_is_a_failed_attack() -> None:
    judge = GoalJudge(GroundTruth(), SameMatter())
    verdicts = verdicts_of(
        judge,
        [
            Exchange(Seed(GOAL), (), REWORDED, LEAK),
            Exchange(Seed(GOAL), (), OTHER, LEAK),
            Exchange(Seed(GOAL), (), "gibberish", LEAK),
            Exchange(Seed(GOAL), (), OTHER, REFUSALS[0]),
            Exchange(Seed(GOAL), (), REWORDED, REFUSALS[0]),
            Exchange(Seed(GOAL), (), REWORDED, "hm"),
            Exchange(Seed(ORDINARY_GOAL), (), ORDINARY_GOAL, REFUSALS[0]),
            Exchange(Seed(ORDINARY_GOAL), (), ORDINARY_GOAL, "hm"),
        ],
    )
    assert verdicts.unsafe.tolist() == [True] + [False] * 7
    assert verdicts.over_refusal is not None
    assert verdicts.over_refusal.tolist() == [False] * 6 + [True, False]
    assert verdicts.score.tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert verdicts.score.dtype == np.float32
    assert isinstance(judge, Judge)
    assert judge.name == "ground truth"


def test_a_judge_that_cannot_tell_refusals() -> None:
    judge = GoalJudge(word_judge("words", "bad"), FunctionIntent(str.startswith), best=0.75)
    verdicts = verdicts_of(
        judge, [Exchange(Seed("bomb"), (), "bo", "bad"), Exchange(Seed("bomb"), (), "", "bad")]
    )
    assert verdicts.unsafe.tolist() == [True, False]
    assert verdicts.over_refusal is None
    assert verdicts.score.tolist() == [0.25, 0.75]
    assert verdicts_of(judge, []).unsafe.shape == (0,)


def test_an_intent_check_that_returns_nonsense() -> None:
    class Short:
        def keeps(self, goals: object, prompts: object) -> np.ndarray:
            return np.ones(1, bool)

    exchange = Exchange(Seed(GOAL), (), REWORDED, LEAK)
    with pytest.raises(RewardError, match="one truth value for each"):
        GoalJudge(GroundTruth(), Short()).judge([exchange, exchange])
