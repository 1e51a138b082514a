"""Opponents and rewards whose every number can be worked out by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env.players import ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.spaces import Message


class CountingPlayer:
    """Says how many messages it was sent: "0.1" for one, "0.2" for two; keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[list[list[Message]]] = []

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        self.seen.append([list(messages) for messages in conversations])
        return [str(len(messages) / 10) for messages in conversations]


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    """A score that both messages move."""
    return [len(e.response) - len(e.prompt) / 10 for e in exchanges]


@pytest.fixture
def counting() -> CountingPlayer:
    return CountingPlayer()


@pytest.fixture
def arguments(reward: FunctionReward, counting: CountingPlayer) -> dict[str, Any]:
    """The defender's message is its score; the opponent counts."""
    return {
        "seed_prompts": ["s0", "s1", "s2"],
        "reward_model": reward,
        "opponent": counting,
        "max_turns": 2,
    }


@pytest.fixture
def token_arguments(word_tokenizer: Any) -> dict[str, Any]:
    """Tokens; the score is the length of the answer, the opponent draws from two sentences."""
    return {
        "action_format": "tokens",
        "tokenizer": word_tokenizer,
        "seed_prompts": ["the cat", "a joke"],
        "reward_model": FunctionReward(lengths),
        "opponent": ScriptedPlayer(["no", "yes yes"]),
        "max_tokens": 3,
        "max_context": 16,
        "max_turns": 2,
    }
