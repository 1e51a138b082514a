"""What a batch of games keeps of each, and how its saved generators are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.scoring import RewardParts


@dataclass(slots=True)
class Row:
    """One game in progress.

    Attributes:
        rng: draws its seed prompts.
        seed_index: of its seed prompt; None where there is no game.
        exchanges, parts: those so far, and what each was worth.
        prompt: one that has no answer yet.
        active: whether it goes on.
    """

    rng: np.random.Generator
    seed_index: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    parts: list[RewardParts] = field(default_factory=list)
    prompt: str | None = None
    active: bool = False

    def start(self, seed_index: int | None) -> None:
        """Begins a new game from a seed prompt, or none."""
        self.seed_index = seed_index
        # Emptied, not replaced: what lives for a game only is dear to the garbage collector.
        self.exchanges.clear()
        self.parts.clear()
        self.prompt = None
        self.active = seed_index is not None


def read_generators(state: Any, num_rows: int, *, has_history: bool) -> list[np.random.Generator]:
    """The rows' generators out of what `Game.state_dict` gave.

    Args:
        state: it.
        num_rows: how many there have to be.
        has_history: whether there has to be a history of prompts with them.

    Raises:
        ConfigurationError: it is no such state, or that of other games.
    """
    known = isinstance(state, Mapping) and {"generators", "history"} <= state.keys()
    if not known or not isinstance(state["generators"], Sequence):
        raise ConfigurationError(f"state={brief(state)} is none that state_dict() gave")
    saved = len(state["generators"]), state["history"] is not None
    if saved != (num_rows, has_history):
        raise ConfigurationError(
            f"the state is that of {saved[0]} games with diversity={saved[1]}, these are "
            f"{num_rows} with diversity={has_history}; make the environment as it was"
        )
    return [_generator(one) for one in state["generators"]]


def _generator(state: Any) -> np.random.Generator:
    generator = np.random.default_rng()
    try:
        generator.bit_generator.state = state
    except (TypeError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"state['generators'] holds {brief(state)}, which is none that state_dict() gave"
        ) from error
    return generator
