"""An encoder that embeds each text once."""

import copy
from collections import OrderedDict
from typing import Any

import numpy as np

from llm_game_env.encoders import Encoder, check_encoder, unit_embeddings
from llm_game_env.errors import ConfigurationError

CACHED_TEXTS = 4096
"""How many texts' embeddings are kept by default."""


class CachedEncoder:
    """Embeddings of length 1, those of recent texts kept.

    Copies (`copy.deepcopy`) share the encoder, and have a cache of their own.

    Args:
        encoder: see `Encoder`.
        cache_size: how many texts' embeddings to keep, 8 * D bytes each; 0 keeps only those of the
            latest call.

    Raises:
        ConfigurationError: if the encoder embeds no texts, or `cache_size` is negative.
    """

    def __init__(self, encoder: Encoder, cache_size: int = CACHED_TEXTS) -> None:
        check_encoder(encoder)
        if cache_size < 0:
            raise ConfigurationError(f"cache_size is {cache_size}; give 0 (no cache) or more.")
        self.encoder: Encoder = encoder
        self.cache_size = cache_size
        self._cache: OrderedDict[str, np.ndarray] = OrderedDict()

    def encode(self, texts: list[str], /) -> np.ndarray:
        """Normalised embeddings of N >= 1 texts, float64 [N, D]; see `unit_embeddings`.

        Each distinct text is encoded at most once in a call, and not at all while it is kept. The
        latest call's are kept in any case, so that an addition that follows cannot fail.

        Raises:
            RewardError: if the encoder returns another shape, or a number that is not finite.
        """
        distinct = list(dict.fromkeys(texts))
        new = [text for text in distinct if text not in self._cache]
        if new:
            # Copies: a row of a batch would keep the whole batch in memory.
            rows = map(np.copy, unit_embeddings(self.encoder, new))
            self._cache.update(zip(new, rows, strict=True))
        for text in distinct:
            self._cache.move_to_end(text)
        vectors = np.stack([self._cache[text] for text in texts])
        while len(self._cache) > max(self.cache_size, len(distinct)):
            self._cache.popitem(last=False)
        return vectors

    def __deepcopy__(self, memo: dict[int, Any]) -> "CachedEncoder":
        # One model serves all copies: an environment copies its diversity, not its networks.
        twin = copy.copy(self)
        memo[id(self)] = twin
        twin._cache = self._cache.copy()
        return twin
