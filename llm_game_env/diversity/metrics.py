"""How varied a set of texts is: reported, never rewarded.

`diversity_selfbleu` and `diversity_embedding` follow Zheng et al. 2024 (arXiv 2406.10977), except
that a text is not compared with itself, which their released code does.
"""

from collections.abc import Sequence

import numpy as np

from llm_game_env.checks import check_whole
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
    _checked_count(texts)
    return float(1.0 - SelfBLEU().score_among(texts).mean())


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


def vendi_score(texts: Sequence[str], encoder: Encoder) -> float:
    """How many different texts there are in effect, in [1, N]; 0 for no texts.

    exp(-Σ λ log λ), λ the eigenvalues of K / N, K the cosines of the embeddings (Friedman and
    Dieng 2023, arXiv 2210.02410, definition 3.1): N for texts at right angles to each other, 1
    for N times the same. A text whose embedding is zero counts as one unlike all others.

    Args:
        texts: any number.
        encoder: see `EmbeddingSimilarity`.

    Raises:
        ConfigurationError: for items that are not strings.
        RewardError: if the encoder returns another shape, or a number that is not finite.
    """
    if not len(checked_texts(texts)):
        return 0.0
    vectors = unit_embeddings(encoder, list(texts))
    zeros = np.count_nonzero(~vectors.any(axis=1))
    # K and the D x D matrix of the embeddings share their eigenvalues other than 0.
    gram = vectors @ vectors.T if len(vectors) <= vectors.shape[1] else vectors.T @ vectors
    eigenvalues = np.concatenate([np.linalg.eigvalsh(gram), np.ones(zeros)]) / len(texts)
    positive = eigenvalues[eigenvalues > 1e-12]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def distinct_ngrams(texts: Sequence[str], n: int) -> float:
    """distinct-n: different n-grams as a share of all n-grams, in (0, 1]; 0 where there are none.

    Over the whole set (Li et al. 2016, arXiv 1510.03055, section 5); n-grams do not cross texts.
    It falls as a set grows: compare sets of one size.

    Args:
        texts: any number.
        n: at least 1.

    Raises:
        ConfigurationError: for items that are not strings, or an n below 1.
    """
    order = check_whole("n", n)
    words = map(split_words, checked_texts(texts))
    ngrams = [tuple(text[i : i + order]) for text in words for i in range(len(text) - order + 1)]
    return len(set(ngrams)) / len(ngrams) if ngrams else 0.0


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
