"""A restrictive action mask: only what leads to one of some texts may be said."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.formats.vocabulary import END, Vocabulary

_CACHED_PREFIXES = 4096


class LegalTexts:
    """The tokens that go on from a beginning towards one of the texts.

    The texts stand in a sorted table, a row a text: those with the same beginning are neighbours,
    so that each token of it halves its way to them.

    Args:
        texts: what may be said.
        vocabulary: what it is spelt with.

    Raises:
        ConfigurationError: there is no text, or one cannot be spelt.
    """

    def __init__(self, texts: Sequence[str], vocabulary: Vocabulary) -> None:
        listed = isinstance(texts, Sequence) and not isinstance(texts, str) and len(texts) > 0
        if not listed or not all(isinstance(text, str) for text in texts):
            raise ConfigurationError(f"action_mask holds {brief(texts)}; give a list of texts")
        spelt = sorted(vocabulary.spell_all(texts))
        self._size = vocabulary.size
        # A column more than the longest text: every row ends with END.
        self._table = np.full((len(spelt), max(map(len, spelt)) + 1), END)
        for row, ids in enumerate(spelt):
            self._table[row, : len(ids)] = ids
        self._cache: dict[tuple[int, ...], np.ndarray] = {}

    def mask(self, draft: Sequence[int]) -> np.ndarray:
        """int8 [V], 1 where a legal text goes on; END alone where none begins with the draft."""
        key = tuple(draft)
        if key not in self._cache:
            if len(self._cache) >= _CACHED_PREFIXES:
                self._cache.clear()
            self._cache[key] = self._continuations(key)
        return self._cache[key].copy()

    def _continuations(self, draft: tuple[int, ...]) -> np.ndarray:
        low, high = 0, len(self._table)
        for column, token in enumerate(draft):
            if column == self._table.shape[1] - 1:
                high = low
                break
            tokens = self._table[low:high, column]
            low, high = (
                low + int(np.searchsorted(tokens, token, side)) for side in ("left", "right")
            )
        mask = np.zeros(self._size, dtype=np.int8)
        mask[END] = low == high
        mask[self._table[low:high, len(draft) :][:, :1]] = 1
        return mask
