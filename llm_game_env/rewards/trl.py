"""Reward models as TRL's reward functions, and the other way round.

TRL's GRPO and RLOO trainers call `function(prompts=..., completions=..., **columns)` for one number
a completion. Prompts and completions are strings (standard format) or lists of messages
(conversational format); the columns of the dataset come along as lists, and more than that.
Tried with TRL 0.17, 0.24 and 1.16.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from typing import Any

import numpy as np

from llm_game_env.checks import brief, check_finite
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards.function import check_callable, check_picklable
from llm_game_env.rewards.protocol import Exchange, RewardModel, as_float32, scores_of
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message


class TRLRewardFunction:
    """A reward model as a function for `reward_funcs` of TRL's trainers.

    The last message of a prompt is what is answered; those before it are the history. The seed of
    every exchange is the prompt itself.

    Args:
        reward_model: scores the completions.

    Raises:
        ConfigurationError: it has no `score`.
    """

    def __init__(self, reward_model: RewardModel) -> None:
        if not isinstance(reward_model, RewardModel):
            raise ConfigurationError(
                f"reward_model={brief(reward_model)} must be a reward model: `best` and `score`"
            )
        self.reward_model = reward_model
        self.__name__ = type(reward_model).__name__  # Under which TRL logs the rewards.

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float]:
        """One score a completion, in order; the columns are not looked at.

        Raises:
            ConfigurationError: a prompt or a completion is in neither of TRL's formats, or there
                are more of one than of the other.
            RewardError: the reward model returned the wrong shape, or a number that is not finite.
        """
        if len(prompts) != len(completions):
            raise ConfigurationError(
                f"{len(prompts)} prompts for {len(completions)} completions; give one for each"
            )
        return scores_of(self.reward_model, list(map(_exchange, prompts, completions)))


class TRLReward:
    """A TRL-style reward function as a reward model.

    Args:
        function: called as TRL calls it, with `prompts` and `completions`, both lists of messages
            if `conversational`, else strings: the prompt without its history, and the response.
            May be asynchronous, as TRL's may.
        best: the highest score it can give.
        conversational: which of the two formats the function reads.
        columns: takes N exchanges, returns what else the function asks for, such as the `solution`
            of TRL's `accuracy_reward`: name -> list of N.

    Raises:
        ConfigurationError: one is no function, or another no finite number.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        best: float = 1.0,
        *,
        conversational: bool = False,
        columns: Callable[[Sequence[Exchange]], Mapping[str, Sequence[Any]]] | None = None,
    ) -> None:
        check_callable("function", function)
        if columns is not None:
            check_callable("columns", columns)
        self.function = function
        self.best = check_finite("best", best)
        self.conversational = conversational
        self.columns = columns

    def __reduce__(self) -> tuple[Any, ...]:
        check_picklable("reward", self.function)
        if self.columns is not None:
            check_picklable("columns", self.columns)
        return _trl_reward, (self.function, self.best, self.conversational, self.columns)

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """What the function returned, float32 [N].

        Raises:
            RewardError: it left an exchange without a score (None, which TRL takes for "not
                applicable"; a game has to pay something), or returned the wrong number of scores.
        """
        if not exchanges:
            return np.zeros(0, dtype=np.float32)
        prompts: list[Any] = [exchange.prompt for exchange in exchanges]
        completions: list[Any] = [exchange.response for exchange in exchanges]
        if self.conversational:
            prompts = [exchange.messages[:-1] for exchange in exchanges]
            completions = [exchange.messages[-1:] for exchange in exchanges]
        columns = {} if self.columns is None else self.columns(exchanges)
        returned = self.function(prompts=prompts, completions=completions, **columns)
        if isawaitable(returned):
            # In a thread of its own, since a notebook's thread has a loop that is running.
            with ThreadPoolExecutor(1) as pool:
                returned = pool.submit(asyncio.run, _result(returned)).result()
        returned = list(returned)
        unscored = [row for row, score in enumerate(returned) if score is None]
        if unscored:
            raise RewardError(
                f"the TRL reward function returned None for the rows {brief(unscored)}; a game "
                "needs a number for every exchange, so return one"
            )
        scores = as_float32(returned)
        if scores.shape != (len(exchanges),):
            raise RewardError(
                f"the TRL reward function returned the shape {scores.shape} for {len(exchanges)} "
                "exchanges; it must return one number for each"
            )
        return scores


def as_trl_reward(reward_model: RewardModel) -> TRLRewardFunction:
    """The reward model as TRL's trainers take it: `GRPOTrainer(reward_funcs=as_trl_reward(m))`."""
    return TRLRewardFunction(reward_model)


def _trl_reward(
    function: Callable[..., Any], best: float, conversational: bool, columns: Any
) -> TRLReward:
    return TRLReward(function, best, conversational=conversational, columns=columns)


async def _result(returned: Awaitable[Any]) -> Any:
    return await returned


def _exchange(prompt: Any, completion: Any) -> Exchange:
    if isinstance(prompt, str):
        return Exchange(Seed(prompt), (), prompt, _text("completion", completion))
    messages = _messages("prompt", prompt)
    asked = messages[-1]["content"]
    return Exchange(Seed(asked), tuple(messages[:-1]), asked, _text("completion", completion))


def _text(name: str, value: Any) -> str:
    """A string, or the content of the last message."""
    return value if isinstance(value, str) else _messages(name, value)[-1]["content"]


def _messages(name: str, value: Any) -> list[Message]:
    is_list = isinstance(value, list | tuple) and len(value) > 0
    if is_list and all(
        isinstance(message, dict)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str)
        for message in value
    ):
        return [Message(role=message["role"], content=message["content"]) for message in value]
    raise ConfigurationError(
        f"{name}={brief(value)} must be a string or a list of messages with role and content"
    )
