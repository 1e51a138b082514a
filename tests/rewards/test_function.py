"""A function as a reward model."""

import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.rewards import ChecksPrompts, Exchange, FunctionReward, RewardModel
from llm_game_env.seeds import Seed


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.response)) for exchange in exchanges]


def exchange(response: str) -> Exchange:
    return Exchange(Seed("seed"), (), "prompt", response)


def test_scores_are_those_of_the_function_in_order() -> None:
    model = FunctionReward(lengths, best=9.0)
    scores = model.score([exchange("four"), exchange(""), exchange("seven 7")])
    assert scores.tolist() == [4.0, 0.0, 7.0]
    assert scores.dtype == np.float32
    assert model.best == 9.0
    assert model.score([]).shape == (0,)


def test_is_a_reward_model_without_an_opinion_on_prompts() -> None:
    assert isinstance(FunctionReward(lengths), RewardModel)
    assert not isinstance(FunctionReward(lengths), ChecksPrompts)
    assert FunctionReward(lengths).best == 1.0


def test_errors_of_the_function_are_its_own() -> None:
    def fail(_: Sequence[Exchange]) -> list[float]:
        raise ConnectionError("no server")

    with pytest.raises(ConnectionError, match="no server"):
        FunctionReward(fail).score([exchange("")])


def test_warnings_of_the_function_are_its_own() -> None:
    def overflow(exchanges: Sequence[Exchange]) -> list[float]:
        return (np.full(len(exchanges), 1e200) ** 2).tolist()

    with pytest.warns(RuntimeWarning, match="overflow"):
        assert FunctionReward(overflow).score([exchange("")]).tolist() == [np.inf]


def test_what_float32_cannot_hold_is_infinite_without_a_warning() -> None:
    assert FunctionReward(lambda _: [1e39, -1e39]).score([]).tolist() == [np.inf, -np.inf]


def test_pickles_with_its_function() -> None:
    copy = pickle.loads(pickle.dumps(FunctionReward(lengths, best=3.0)))
    assert copy.score([exchange("four")]).tolist() == [4.0]
    assert copy.best == 3.0


def test_messages_of_an_exchange_end_with_the_response() -> None:
    history = ({"role": "system", "content": "s"},)
    messages = Exchange(Seed("seed"), history, "p", "r").messages  # pyright: ignore[reportArgumentType]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("system", "s"),
        ("user", "p"),
        ("assistant", "r"),
    ]
