"""A reward model shared out gives the game what the model gives."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pytest

from llm_game_agents.processes import Alone, shared_reward
from llm_game_env import red_team_v0
from llm_game_env.errors import RewardError
from llm_game_env.rewards import Exchange, FunctionReward, WeightedSum
from llm_game_env.rewards.protocol import HasComponents, RewardModel
from llm_game_env.seeds import Seed

A = TypeVar("A")


class OneAfterTheOther(Alone):
    """Three processes, played by one: it does each one's rows in turn."""

    count = 3

    def gathered(self, work: Callable[[], A]) -> list[A]:
        results: list[A] = []
        for rank in range(self.count):
            self.rank = rank
            results.append(work())
        return results


def length(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.response)) for exchange in exchanges]


def exchanges(number: int) -> list[Exchange]:
    seed = Seed(text="s", label="harmful", id="0")
    return [Exchange(seed, (), "p", "r" * i) for i in range(number)]


@pytest.fixture
def calls() -> list[int]:
    return []


@pytest.fixture
def model(calls: list[int]) -> FunctionReward:
    def counted(exchanges: Sequence[Exchange]) -> list[float]:
        calls.append(len(exchanges))
        return length(exchanges)

    return FunctionReward(counted, best=9.0)


def test_each_exchange_is_scored_once(model: RewardModel, calls: list[int]) -> None:
    shared = shared_reward(model, OneAfterTheOther())
    scores = shared.score(exchanges(7))
    assert scores.dtype == np.float32
    assert scores.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert calls == [2, 2, 3]
    assert shared.best == 9.0


def test_who_has_no_rows_is_not_asked(model: RewardModel, calls: list[int]) -> None:
    assert shared_reward(model, OneAfterTheOther()).score(exchanges(1)).tolist() == [0.0]
    assert calls == [1]


def test_components_are_reported_as_ever(model: RewardModel) -> None:
    whole = WeightedSum({"long": (model, 0.5), "again": (model, 1.0)})
    shared = shared_reward(whole, OneAfterTheOther())
    assert isinstance(shared, HasComponents)
    assert (shared.component_names, shared.component_bests) == (("long", "again"), (9.0, 9.0))
    mine, theirs = shared.score_in_parts(exchanges(5)), whole.score_in_parts(exchanges(5))
    np.testing.assert_array_equal(mine.scores, theirs.scores)
    np.testing.assert_array_equal(mine.components, theirs.components)
    np.testing.assert_array_equal(shared.score(exchanges(5)), theirs.scores)


def test_the_model_says_which_prompts_can_be_scored(model: RewardModel) -> None:
    class Choosy(FunctionReward):
        def is_well_formed(self, prompt: str) -> bool:
            return prompt == "good"

    def rules(reward_model: RewardModel) -> list[bool]:
        arguments = {"seed_prompts": ["good"], "reward_model": reward_model}
        checked = red_team_v0.vector_env(1, **arguments).game.rules
        return [checked.is_well_formed(prompt) for prompt in ("good", "bad", " ")]

    shared = shared_reward(Choosy(length), OneAfterTheOther())
    assert rules(shared) == [True, False, False]
    assert rules(shared_reward(model, OneAfterTheOther())) == [True, True, False]


def test_a_score_that_is_no_number_is_the_models_error() -> None:
    broken = FunctionReward(lambda exchanges: [float("inf")] * len(exchanges))
    with pytest.raises(RewardError, match=r"FunctionReward\.score returned inf"):
        shared_reward(broken, OneAfterTheOther()).score(exchanges(3))
