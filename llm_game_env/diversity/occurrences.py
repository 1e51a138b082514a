"""Numbering the repetitions of an n-gram within its text.

Calling the j-th occurrence of an n-gram in a text a feature of its own turns BLEU's clipped
count Σ min(count in h, count in r) into the number of features that h and r share.
"""

from typing import NamedTuple

import numpy as np

from llm_game_env.diversity.token_batch import text_of_token


class _Groups(NamedTuple):
    number: np.ndarray  # int64 [n]: equal where the keys are equal
    rank: np.ndarray  # int64 [n]: how many equal keys come before
    repeated: np.ndarray  # bool [n]: whether an equal key comes before or after


def occurrence_ranks(tokens: np.ndarray, max_order: int) -> np.ndarray:
    """How often the n-gram that starts at each token has occurred before in the same text.

    Args:
        tokens: int32 [T], laid out as in `TokenBatch`; only positive tokens take part.
        max_order: the largest n.

    Returns:
        int32 [T, max_order]; column n - 1 belongs to n-grams, and is 0 where there is none.
    """
    ranks = np.zeros((len(tokens), max_order), np.int32)
    places = np.flatnonzero(tokens > 0)
    keys = text_of_token(tokens)[places] * (int(tokens.max(initial=0)) + 1) + tokens[places]
    numbers = np.empty(len(tokens), np.int64)
    for order in range(max_order):
        groups = _group(keys)
        ranks[places, order] = groups.rank
        # A longer n-gram can recur only where both of its (n - 1)-grams do: few places are left.
        places = places[groups.repeated]
        if not len(places):
            break
        numbers.fill(-1)
        numbers[places] = groups.number[groups.repeated]
        follower = numbers[places + 1]  # in range: each text ends with END, which is no place
        places = places[follower >= 0]
        keys = numbers[places] * len(tokens) + follower[follower >= 0]
    return ranks


def _group(keys: np.ndarray) -> _Groups:
    by_key = _stable_argsort(keys)
    in_order = keys[by_key]
    opens = np.ones(len(keys), bool)
    opens[1:] = in_order[1:] != in_order[:-1]
    starts = np.flatnonzero(opens)
    group = np.cumsum(opens) - 1
    number, rank = np.empty_like(group), np.empty_like(group)
    number[by_key] = group
    rank[by_key] = np.arange(len(keys)) - starts[group]
    size = np.diff(starts, append=len(keys))
    return _Groups(number, rank, size[number] > 1)


def _stable_argsort(keys: np.ndarray) -> np.ndarray:
    # Sorting values is several times faster than sorting indices by them, so the index rides in
    # the low bits where there is room.
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)) >> (62 - bits):
        return np.argsort(keys, kind="stable")
    packed = (keys << bits) | np.arange(len(keys))
    packed.sort()
    return packed & ((1 << bits) - 1)
