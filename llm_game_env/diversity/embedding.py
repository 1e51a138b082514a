"""Likeness of meaning: the mean cosine between a text's embedding and the history's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_game_env.diversity.cached_encoder import CACHED_TEXTS, CachedEncoder
from llm_game_env.diversity.token_batch import checked_texts
from llm_game_env.encoders import Encoder
from llm_game_env.errors import ConfigurationError, RewardError

_ONE = 1 << 36  # in the sum's whole numbers: room for 100 million texts, and off by 1e-11 at most


class EmbeddingSimilarity:
    """Mean cosine between φ(h) and φ(r) over the history's texts r (Zheng et al. 2024, §3).

    The mean of cosines is the product of φ(h) / |φ(h)| with the mean of the normalised φ(r), so a
    running sum and a count stand for the whole history: time and memory do not grow with it. The
    sum is of whole numbers, so that texts which leave the history leave nothing behind. A score is
    in [-1, 1]; a zero vector has cosine 0 with everything, and every score is 0 while the history
    is empty.

    Embeddings of recent texts are kept, so that scoring texts and then adding them encodes each
    once; a SentenceTransformer does so in batches by length (`BatchedEncoder`). Copies
    (`copy.deepcopy`) share the encoder and are otherwise independent.
    """

    def __init__(self, encoder: Encoder, cache_size: int = CACHED_TEXTS) -> None:
        """Start with an empty history.

        Args:
            encoder: an object with `encode(list of N str)`, such as a SentenceTransformer, or a
                callable on such a list; returns an array or tensor [N, D]. A `CachedEncoder`,
                which several histories may share, keeps its own cache.
            cache_size: see `CachedEncoder`.

        Raises:
            ConfigurationError: if the encoder is neither, or `cache_size` is negative.
        """
        if not isinstance(encoder, CachedEncoder):
            encoder = CachedEncoder(encoder, cache_size)
        self.encoder = encoder
        self.clear()

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return self._count

    def clear(self) -> None:
        """Empty the history."""
        self._sum: np.ndarray | None = None
        self._count = 0

    def score(self, texts: Sequence[str], *, within_batch: bool = False) -> np.ndarray:
        """Mean cosine of each text to the history, float32 [N] in [-1, 1]; adds nothing.

        Texts of one call do not see each other, unless `within_batch`: each is then compared with
        the history and all others of the call.

        Raises:
            ConfigurationError: if `texts` is not a sequence of strings.
            RewardError: if the encoder returns another shape, or a number that is not finite.
        """
        checked_texts(texts)
        others = len(texts) - 1 if within_batch else 0
        if not len(texts) or self._count + others == 0:
            return np.zeros(len(texts), np.float32)
        vectors = self._embed(texts)
        total = np.zeros(vectors.shape[1]) if self._sum is None else self._sum / _ONE
        cosines = vectors @ total
        if within_batch:
            # A text is not compared with itself: its square is 1, or 0 for a zero vector.
            cosines += vectors @ vectors.sum(axis=0) - np.einsum("nd,nd->n", vectors, vectors)
        cosines /= self._count + others
        return np.clip(cosines, -1.0, 1.0).astype(np.float32)

    def add(self, texts: Sequence[str]) -> None:
        """Append texts to the history.

        Raises:
            ConfigurationError, RewardError: as in `score`; the history is then unchanged.
        """
        self.exchange([], texts)

    def exchange(self, gone: Sequence[str], texts: Sequence[str]) -> None:
        """Remove texts that stand in the history, and append others.

        A removed text is encoded anew if its embedding is not kept any more.

        Raises:
            ConfigurationError, RewardError: as in `score`; the history is then unchanged.
        """
        every = [*checked_texts(gone), *checked_texts(texts)]
        if not every:
            return
        whole = np.rint(self._embed(every) * _ONE).astype(np.int64)
        change = whole[len(gone) :].sum(axis=0) - whole[: len(gone)].sum(axis=0)
        self._count += len(texts) - len(gone)
        self._sum = (change if self._sum is None else self._sum + change) if self._count else None

    def state_dict(self) -> dict[str, Any]:
        """The history: "count" (int) and "sum" (int64 [D] in 2**-36, or None while it is empty)."""
        return {"count": self._count, "sum": None if self._sum is None else self._sum.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one; the encoder must be the one it was saved with.

        Raises:
            ConfigurationError: if it is not such a state.
        """
        try:
            count, total = int(state["count"]), state["sum"]
            total = None if total is None else np.array(total)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"not a state of EmbeddingSimilarity ({error!r}); pass what state_dict() returned."
            ) from error
        sums = total is None or (total.ndim == 1 and total.dtype == np.int64)
        if (total is None) != (count == 0) or not sums:
            raise ConfigurationError(
                f"the saved EmbeddingSimilarity counts {count} texts, which does not belong to "
                "its sum; pass what state_dict() returned, unchanged."
            )
        self._sum, self._count = total, count

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        """Normalised embeddings, float64 [N, D]."""
        vectors = self.encoder.encode(list(texts))
        if self._sum is not None and vectors.shape[1:] != self._sum.shape:
            raise RewardError(
                f"the encoder returned {vectors.shape[1]} numbers a text, the history holds "
                f"{len(self._sum)}; use the encoder that the history was made with."
            )
        return vectors
