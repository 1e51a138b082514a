"""A game in the tokens format whose every number can be worked out by hand."""

from collections.abc import Sequence
from typing import Any

import pytest

from llm_game_env.players import ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    """A score that both messages move."""
    return [len(e.response) - len(e.prompt) / 10 for e in exchanges]


@pytest.fixture
def game(word_tokenizer: Any) -> dict[str, Any]:
    """Of two turns; messages of at most 3 of 23 tokens."""
    return {
        "action_format": "tokens",
        "tokenizer": word_tokenizer,
        "seed_prompts": ["the cat", "a joke", "no"],
        "reward_model": FunctionReward(lengths),
        "max_tokens": 3,
        "max_context": 16,
        "max_turns": 2,
    }


@pytest.fixture
def seat(game: dict[str, Any]) -> dict[str, Any]:
    """The same, against an opponent that draws."""
    return {**game, "opponent": ScriptedPlayer(["no", "yes yes", "the cat"])}
