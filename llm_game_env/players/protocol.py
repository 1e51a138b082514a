"""What a player is: something that answers a batch of conversations."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from llm_game_env.spaces import Message


@runtime_checkable
class Player(Protocol):
    """Writes the next message of each conversation, keeping nothing between calls."""

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """N messages for N conversations, each of at most `max_tokens` of the player's tokens.

        All randomness comes from `rng`.
        """
        ...
