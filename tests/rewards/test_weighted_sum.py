"""Several reward models as one."""

import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.rewards.weighted_sum import WeightedSum
from llm_game_env.seeds import Seed

EXCHANGES = [Exchange(Seed("s"), (), "p", text) for text in ("a", "bbb", "")]


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.response)) for exchange in exchanges]


def ones(exchanges: Sequence[Exchange]) -> list[float]:
    return [1.0] * len(exchanges)


def test_the_sum_and_its_best() -> None:
    model = WeightedSum([(FunctionReward(lengths, best=9.0), 0.5), (FunctionReward(ones), 2.0)])
    assert model.best == 6.5
    for copy in (model, pickle.loads(pickle.dumps(model))):
        assert copy.score(EXCHANGES).tolist() == [2.5, 3.5, 2.0]
    assert [model.is_well_formed(prompt) for prompt in ("p", " ")] == [True, False]


def test_a_component_that_drops_a_score_is_named() -> None:
    with pytest.raises(RewardError, match=r"FunctionReward.score returned the shape \(1,\) for 3"):
        WeightedSum([(FunctionReward(lambda _: [1.0]), 1.0)]).score(EXCHANGES)


def test_a_component_that_is_not_finite_is_named() -> None:
    broken = FunctionReward(lambda exchanges: [float("nan")] * len(exchanges))
    with pytest.raises(RewardError, match=r"FunctionReward.score returned nan for the prompt 'p'"):
        WeightedSum([(FunctionReward(ones), 1.0), (broken, 1.0)]).score(EXCHANGES)


@pytest.mark.parametrize(
    "components",
    [[], {}, [(FunctionReward(ones), 0.0)], [(FunctionReward(ones), float("nan"))], [(ones, 1.0)]],
)
def test_wrong_components_are_refused(components: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"components|weight"):
        WeightedSum(components)
