"""How varied a set of texts is: reported, never rewarded.

Both diversities follow Zheng et al. 2024 (arXiv 2406.10977), except that a text is not compared
with itself, which their released code does.
"""

from collections.abc import Sequence

import numpy as np

from llm_game_env.diversity.bleu import bleu_of_itself
from llm_game_env.diversity.self_bleu import SelfBLEU
from llm_game_env.diversity.token_batch import checked_texts
from llm_game_env.diversity.words import split_words
from llm_game_env.encoders import Encoder, unit_embeddings
from llm_game_env.errors import ConfigurationError


def diversity_selfbleu(texts: Sequence[str]) -> float:
    """1 - mean over ordered pairs i != j of SelfBLEU of text i against text j, in [0, 1].

    SelfBLEU is the pairwise one with n = 2, 3, 4, 5.

    Raises:
        ConfigurationError: for fewer than two texts, or items that are not strings.
    """
    count = _checked_count(texts)
    measure = SelfBLEU()
    measure.add(texts)
    lengths = np.array([len(split_words(text)) for text in texts])
    of_pairs = count * measure.score_in_full(texts).sum()
    of_itself = bleu_of_itself(lengths, measure.ngrams).sum()
    return float(np.clip(1.0 - (of_pairs - of_itself) / (count * (count - 1)), 0.0, 1.0))


def diversity_embedding(texts: Sequence[str], encoder: Encoder) -> float:
    """1 - (mean cosine over pairs i != j) / 2, in [0.5, 1.5].

    Args:
        texts: at least two.
        encoder: see `EmbeddingSimilarity`.

    Raises:
        ConfigurationError: for fewer than two texts, or items that are not strings.
        RewardError: if the encoder returns another shape, or a number that is not finite.
    """
    count = _checked_count(texts)
    vectors = unit_embeddings(encoder, list(texts))
    # Σ over i != j of v_i · v_j = |Σ v_i|² - Σ |v_i|²: linear in the number of texts.
    total = vectors.sum(axis=0)
    of_pairs = total @ total - np.einsum("nd,nd->", vectors, vectors)
    return float(1.0 - of_pairs / (count * (count - 1)) / 2)


def duplicate_share(texts: Sequence[str]) -> float:
    """Share of texts that repeat an earlier one exactly, in [0, 1); 0 for no texts.

    Raises:
        ConfigurationError: for items that are not strings.
    """
    if not len(checked_texts(texts)):
        return 0.0
    return 1.0 - len(set(texts)) / len(texts)


def _checked_count(texts: Sequence[str]) -> int:
    count = len(checked_texts(texts))
    if count < 2:
        raise ConfigurationError(
            f"texts has length {count}; diversity is a mean over pairs, give at least two texts."
        )
    return count
