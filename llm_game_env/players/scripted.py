"""Players without a model."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.errors import ConfigurationError
from llm_game_env.spaces import Message


class EchoPlayer:
    """Repeats the last message it was sent.

    As an adversary under the instruction "{seed_prompt}" it plays the seed prompts themselves,
    which makes the game plain RLHF on a fixed set of prompts.
    """

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """The content of each conversation's last message."""
        return [conversation[-1]["content"] for conversation in conversations]


class ScriptedPlayer:
    """Says one of some fixed sentences, drawn uniformly."""

    def __init__(self, sentences: Sequence[str]) -> None:
        if isinstance(sentences, str) or not sentences:
            raise ConfigurationError(
                f"sentences={sentences!r} must be a list of at least one string"
            )
        self.sentences = tuple(sentences)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One sentence a conversation."""
        picks = rng.integers(len(self.sentences), size=len(conversations))
        return [self.sentences[pick] for pick in picks]
