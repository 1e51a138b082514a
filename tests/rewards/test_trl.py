"""Reward models for TRL, and TRL's reward functions as reward models."""

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards import Exchange, FunctionReward, RewardModel, TRLReward, as_trl_reward
from llm_game_env.seeds import Seed


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.response)) for exchange in exchanges]


def count_words(prompts: list[str], completions: list[str]) -> list[float]:
    assert len(prompts) == len(completions)
    return [float(len(completion.split())) for completion in completions]


def exchange(response: str) -> Exchange:
    history = ({"role": "system", "content": "s"},)
    return Exchange(Seed("seed"), history, "prompt", response)  # pyright: ignore[reportArgumentType]


def test_a_reward_model_scores_strings_in_order() -> None:
    function = as_trl_reward(FunctionReward(lengths))
    columns = {"completion_ids": [[1], [2]], "label": ["a", "b"], "trainer_state": None}
    scores = function(prompts=["p", "q"], completions=["four", "seven 7"], **columns)
    assert scores == [4.0, 7.0]
    assert all(type(score) is float for score in scores)
    assert function.__name__ == "FunctionReward"
    assert function(prompts=[], completions=[]) == []


def test_a_conversation_becomes_history_prompt_and_response() -> None:
    seen: list[Exchange] = []

    def keep(exchanges: Sequence[Exchange]) -> list[float]:
        seen.extend(exchanges)
        return [0.0] * len(exchanges)

    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    completion = [{"role": "assistant", "content": "a"}]
    as_trl_reward(FunctionReward(keep))(prompts=[prompt], completions=[completion])
    assert (seen[0].prompt, seen[0].response, seen[0].seed.text) == ("u", "a", "u")
    assert seen[0].messages == [*prompt, *completion]


@pytest.mark.parametrize("wrong", [None, 3, [], [{"role": "user"}], ["text"]])
def test_what_is_in_neither_format_is_refused(wrong: Any) -> None:
    function = as_trl_reward(FunctionReward(lengths))
    with pytest.raises(ConfigurationError, match=r"^prompt=.* must be a string or a list"):
        function(prompts=[wrong], completions=["a"])
    with pytest.raises(ConfigurationError, match=r"^completion=.* must be a string or a list"):
        function(prompts=["a"], completions=[wrong])


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 prompts for 1 completions"):
        as_trl_reward(FunctionReward(lengths))(prompts=["a", "b"], completions=["a"])
    with pytest.raises(RewardError, match=r"shape \(2,\) for 1 exchanges"):
        as_trl_reward(FunctionReward(lambda _: [1.0, 2.0]))(prompts=["a"], completions=["a"])
    with pytest.raises(RewardError, match=r"shape \(2,\) for 1 exchanges"):
        TRLReward(lambda **_: [1.0, 2.0]).score([exchange("a")])
    with pytest.raises(ConfigurationError, match="must be a reward model"):
        as_trl_reward(len)  # pyright: ignore[reportArgumentType]


def test_a_trl_function_is_a_reward_model() -> None:
    model = TRLReward(count_words, best=9.0)
    assert isinstance(model, RewardModel)
    scores = model.score([exchange("one"), exchange(""), exchange("two words")])
    assert scores.tolist() == [1.0, 0.0, 2.0]
    assert scores.dtype == np.float32
    assert model.score([]).shape == (0,)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.best, copy.score([exchange("one")]).tolist()) == (9.0, [1.0])


def test_a_conversational_function_is_given_messages() -> None:
    def check(prompts: list[Any], completions: list[Any]) -> list[float]:
        assert prompts == [exchange("a").messages[:-1]]
        assert completions == [[{"role": "assistant", "content": "a"}]]
        return [0.5]

    assert TRLReward(check, conversational=True).score([exchange("a")]).tolist() == [0.5]


def solutions(exchanges: Sequence[Exchange]) -> dict[str, list[str]]:
    return {"solution": [exchange.response[::-1] for exchange in exchanges]}


def is_solution(completions: list[str], solution: list[str], **_: Any) -> list[float]:
    return [float(said == right) for said, right in zip(completions, solution, strict=True)]


def test_a_function_is_given_the_columns_it_asks_for() -> None:
    model = pickle.loads(pickle.dumps(TRLReward(is_solution, columns=solutions)))
    assert model.score([exchange("level"), exchange("ab")]).tolist() == [1.0, 0.0]
    with pytest.raises(ConfigurationError, match="columns=3 must be a function"):
        TRLReward(is_solution, columns=3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match=r"the columns function .* cannot be pickled"):
        pickle.dumps(TRLReward(is_solution, columns=lambda _: {}))


def test_an_asynchronous_function_is_waited_for() -> None:
    async def later(prompts: list[str], completions: list[str]) -> list[float]:
        await asyncio.sleep(0)
        return count_words(prompts, completions)

    async def in_a_notebook() -> np.ndarray:
        return TRLReward(later).score([exchange("one")])

    assert TRLReward(later).score([exchange("two words")]).tolist() == [2.0]
    assert asyncio.run(in_a_notebook()).tolist() == [1.0]


def test_there_and_back_is_the_same() -> None:
    there = as_trl_reward(FunctionReward(lengths))
    for conversational in (False, True):
        back = TRLReward(there, conversational=conversational)
        assert back.score([exchange("four"), exchange("")]).tolist() == [4.0, 0.0]


def test_none_is_refused_with_its_rows() -> None:
    with pytest.raises(RewardError, match=r"None for the rows \[1\]"):
        TRLReward(lambda **_: [1.0, None]).score([exchange("a"), exchange("b")])
