"""A player that says random words."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.checks import check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.spaces import Message


class RandomPlayer:
    """Draws the number of words uniformly, and each word uniformly and on its own.

    Args:
        words: at least one; strings without white space, not empty. One listed twice is twice as
            likely.
        max_words: the most words of a message, at least 1.

    Raises:
        ConfigurationError: an argument is outside its range.
    """

    def __init__(self, words: Sequence[str], *, max_words: int = 12) -> None:
        # A set would do, were its order the same in every process.
        if isinstance(words, str) or not isinstance(words, Sequence) or not words:
            raise ConfigurationError(f"words={words!r} must be a list of at least one word")
        for i, word in enumerate(words):
            if not isinstance(word, str) or word.split() != [word]:
                raise ConfigurationError(
                    f"words[{i}]={word!r} must be a string without white space, not empty; split "
                    "a sentence with .split()"
                )
        self.words = tuple(words)
        self.max_words = check_whole("max_words", max_words)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One message a conversation, of 0 to min(max_words, max_tokens) words."""
        limit = min(self.max_words, max_tokens)
        counts = rng.integers(0, limit, size=len(conversations), endpoint=True)
        picks = rng.integers(len(self.words), size=(len(conversations), limit))
        return [
            " ".join(self.words[pick] for pick in row[:count])
            for row, count in zip(picks, counts, strict=True)
        ]
