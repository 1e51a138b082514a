"""Sentence encoders as they come: a SentenceTransformer, or any function from texts to vectors."""

import sys
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.spaces import without_half_pairs


@runtime_checkable
class TextEncoder(Protocol):
    """An object that embeds texts with `encode`, as a SentenceTransformer does."""

    def encode(self, sentences: list[str], /) -> Any:
        """Embeddings of N texts, array or tensor [N, D]."""
        ...


Encoder = TextEncoder | Callable[[list[str]], Any]
"""What turns N texts into an array or tensor [N, D]: an object with `encode`, or a callable."""


def check_encoder(encoder: object) -> None:
    """Refuses what embeds no texts.

    Raises:
        ConfigurationError: it has no `encode` and is no function.
    """
    # A string has an `encode` of its own.
    if isinstance(encoder, str) or not (isinstance(encoder, TextEncoder) or callable(encoder)):
        raise ConfigurationError(
            f"encoder is {encoder!r}, which embeds no texts; give a SentenceTransformer (for a "
            "model's name, load it first) or a function from a list of strings to an array [N, D]."
        )


def unit_embeddings(encoder: Encoder, texts: list[str]) -> np.ndarray:
    """Embeddings of length 1, float64 [N, D]; a zero vector stays zero.

    A SentenceTransformer runs in batches by length (`BatchedEncoder`), with the values of its own
    `encode` to rounding.

    Raises:
        RewardError: if the encoder returns another shape, or a number that is not finite.
    """
    returned: Any = _encoding(encoder)([without_half_pairs(text) for text in texts])
    if hasattr(returned, "detach"):  # a torch tensor, on any device and of any float type
        returned = returned.detach().double().cpu().numpy()
    vectors = np.array(returned, np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        raise RewardError(
            f"the encoder returned shape {list(vectors.shape)} for {len(texts)} texts; it must "
            "return one vector a text, [N, D]."
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise RewardError(
            f"the encoder's embedding of {texts[bad[0]][:80]!r} is not finite; check the encoder "
            "(half precision overflows on some models: load it in float32)."
        )
    # Scaled by the largest entry first, so that squares neither overflow nor vanish.
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    vectors /= np.where(largest > 0, largest, 1.0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def _encoding(encoder: Encoder) -> Callable[[list[str]], Any]:
    # Whoever has a SentenceTransformer has imported it; for others it would only bring torch.
    stock = getattr(sys.modules.get("sentence_transformers"), "SentenceTransformer", None)
    if type(encoder) is stock:  # A subclass may encode in its own way.
        from llm_game_env.batched_encoder import BatchedEncoder

        model: Any = encoder
        return BatchedEncoder(model).encode
    # An encoder may be callable besides: a model's call takes tokenised features.
    return encoder.encode if isinstance(encoder, TextEncoder) else encoder
