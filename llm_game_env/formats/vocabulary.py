"""The tokens of the tokens format: which are actions, and how a dialogue is spelt with them.

| id | meaning |
|---|---|
| 0 | an action: the message ends here |
| 1 … V - 1 | actions: the tokens of the vocabulary, in the tokenizer's order |
| V | padding |
| V + 1 | a token of the dialogue that is no action (unknown, or left out of the vocabulary) |
| V + 2, 3, 4 | what follows was written by the environment, the adversary, the defender |

Special tokens of the tokenizer are neither actions nor read from a text: a message that spells one
out is spelt with the characters it consists of.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from llm_game_env.chat import TextEncoder
from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError

END = 0
_CACHED_TEXTS = 4096


class Reserved(IntEnum):
    """Ids above the actions, counted from V."""

    PADDING = 0
    UNKNOWN = 1
    ENVIRONMENT = 2
    ADVERSARY = 3
    DEFENDER = 4


class Vocabulary:
    """A tokenizer's tokens, or some of them, as actions.

    Args:
        tokenizer: a Hugging Face tokenizer.
        texts: if given, only the tokens that these texts are spelt with are actions.

    Attributes:
        size: V, the number of actions.

    Raises:
        ConfigurationError: the tokenizer is none, the texts are no texts, or leave no token.
    """

    def __init__(self, tokenizer: Any, texts: Iterable[str] | None = None) -> None:
        if not hasattr(tokenizer, "get_added_vocab"):
            raise ConfigurationError(
                f"tokenizer={brief(tokenizer)} is no Hugging Face tokenizer; give one, the folder "
                "of one or its hub id"
            )
        self._tokenizer = tokenizer
        self._encoder = TextEncoder(tokenizer)
        special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
        allowed = range(len(tokenizer))
        if texts is not None:
            spelt = self._encoder.encode(_listed(texts))
            allowed = sorted({token for ids in spelt for token in ids})
        self._token_ids = [-1, *(token for token in allowed if token not in special)]
        self.size = len(self._token_ids)
        if self.size == 1:
            raise ConfigurationError(
                f"vocabulary={brief(texts)} leaves no token to write with; give texts that the "
                "tokenizer knows the words of"
            )
        self._actions = np.full(
            max(len(tokenizer), *self._token_ids) + 1, self.reserved(Reserved.UNKNOWN)
        )
        self._actions[self._token_ids[1:]] = np.arange(1, self.size)
        self._cache: dict[str, list[int]] = {}

    def reserved(self, meaning: Reserved) -> int:
        """The id with a meaning of its own."""
        return self.size + meaning

    def encode(self, text: str) -> list[int]:
        """How a text is spelt; ids in [1, V) and UNKNOWN. Remembers some."""
        if text not in self._cache:
            if len(self._cache) >= _CACHED_TEXTS:
                self._cache.clear()
            (self._cache[text],) = self.encode_all([text])
        return self._cache[text]

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """How each text is spelt, by one call of the tokenizer."""
        return [self._actions[ids].tolist() for ids in self._encoder.encode(texts)]

    def actions(self, token_ids: Sequence[int]) -> list[int]:
        """The actions that a tokenizer's tokens are; UNKNOWN for those that are none."""
        ids = np.asarray(token_ids, dtype=np.int64)
        # Models have embeddings for more tokens than their tokenizers.
        known = ids < len(self._actions)
        found = self._actions[np.where(known, ids, 0)]
        return np.where(known, found, self.reserved(Reserved.UNKNOWN)).tolist()

    def decode(self, actions: Sequence[int]) -> str:
        """The text that some actions in [1, V) spell."""
        if not actions:
            return ""
        return self._tokenizer.decode([self._token_ids[action] for action in actions]).strip()

    def spell_all(self, texts: Sequence[str]) -> list[list[int]]:
        """How each text is spelt.

        Raises:
            ConfigurationError: one of them cannot be written with the actions.
        """
        unknown = self.reserved(Reserved.UNKNOWN)
        spelt = self.encode_all(texts)
        for text, ids in zip(texts, spelt, strict=True):
            if unknown in ids:
                raise ConfigurationError(
                    f"action_mask allows {text!r}, which the actions cannot spell; add it to the "
                    "vocabulary, or leave it out"
                )
        return spelt


def _listed(texts: Any) -> list[str]:
    # Any iterable will do, but not a text, which is one of characters.
    try:
        listed: list[Any] = [None] if isinstance(texts, str) else list(texts)
    except TypeError:
        listed = [None]
    if not all(isinstance(text, str) for text in listed):
        raise ConfigurationError(f"vocabulary={brief(texts)} must be a list of texts")
    return listed
