"""BLEU's formula on counts: smoothed precisions and the brevity penalty.

Papineni et al. 2002, smoothed as NLTK's `SmoothingFunction().method1` with epsilon 0.1.
"""

from collections.abc import Sequence

import numpy as np

SMOOTHED_COUNT = 0.1
"""Stands in for a count of zero."""


def log_precision(matches: np.ndarray, length: np.ndarray, order: int) -> np.ndarray:
    """Logarithm of the smoothed precision of n-grams of one order.

    Args:
        matches: clipped matches, broadcast against `length`.
        length: words of the hypothesis.
        order: n.

    Returns:
        float64, log(matches / d) with d = max(1, length - n + 1) n-grams in the hypothesis,
        0.1 in place of no match.
    """
    total = np.maximum(length - (order - 1), 1)
    return np.log(np.where(matches > 0, matches, SMOOTHED_COUNT) / total)


def brevity_penalty(reference_length: np.ndarray, length: np.ndarray) -> np.ndarray:
    """1 for a hypothesis longer than the reference, else exp(1 - reference / hypothesis).

    Both arguments are integer arrays that broadcast; float64 in [0, 1], 0 for an empty
    hypothesis.
    """
    shortfall = 1.0 - reference_length / np.maximum(length, 1)
    return np.where(length > 0, np.exp(np.minimum(shortfall, 0.0)), 0.0)


def mean_bleu(logs: Sequence[np.ndarray], ngrams: tuple[int, ...]) -> np.ndarray:
    """Mean over n in `ngrams` of the geometric mean of the precisions of orders 1 … n.

    Args:
        logs: log precisions of orders 1, 2, … max(ngrams), float64 of one shape [...].

    Returns:
        float64 [...], without brevity penalty, and for pairs that share a word: where no word
        matches BLEU is 0, which is the caller's to see to.
    """
    # Running sums in place of np.cumsum: that would hold every order of a large array at once.
    total = np.zeros_like(logs[0])
    mean = np.zeros_like(logs[0])
    for order, log in enumerate(logs, start=1):
        total += log
        if order in ngrams:
            mean += np.exp(total / order)
    return mean / len(ngrams)


def bleu_of_itself(length: np.ndarray, ngrams: tuple[int, ...]) -> np.ndarray:
    """What a text of the given length scores against itself, float64 [N].

    1 from max(ngrams) words on; less below, because an order that the text is too short for
    counts as a smoothed zero; 0 for an empty text.
    """
    orders = range(1, max(ngrams) + 1)
    logs = [log_precision(np.maximum(length - n + 1, 0), length, n) for n in orders]
    return np.where(length > 0, mean_bleu(logs, ngrams), 0.0)
