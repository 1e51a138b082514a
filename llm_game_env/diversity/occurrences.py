"""Numbering the repetitions of an n-gram within its text.

Calling the j-th occurrence of an n-gram in a text a feature of its own turns BLEU's clipped
count Σ min(count in h, count in r) into the number of features that h and r share.
"""

from typing import NamedTuple

import numpy as np

from llm_game_env.diversity.token_batch import text_of_token


class _Repeats(NamedTuple):
    which: np.ndarray  # int64 [n], ascending: those whose key others have, too
    number: np.ndarray  # int64 [n]: equal where the keys are equal
    rank: np.ndarray  # int64 [n]: how many equal keys come before


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
        repeats = _repeats(keys)
        # A longer n-gram can recur only where both of its (n - 1)-grams do: few places are left.
        places = places[repeats.which]
        if not len(places):
            break
        ranks[places, order] = repeats.rank
        numbers.fill(-1)
        numbers[places] = repeats.number
        follower = numbers[places + 1]  # in range: each text ends with END, which is no place
        longer = np.flatnonzero(follower >= 0)
        places = places[longer]
        keys = repeats.number[longer] * len(tokens) + follower[longer]
    return ranks


def _repeats(keys: np.ndarray) -> _Repeats:
    """Those of the keys, int64 [n] and not negative, that are not the only one of their kind."""
    by_key, in_order = _stable_argsort(keys)
    again = in_order[1:] == in_order[:-1]
    repeated = np.zeros(len(keys), bool)
    repeated[1:] = again
    repeated[:-1] |= again
    # From here on a few: in most texts, most words come once.
    places = np.flatnonzero(repeated)
    opens = np.ones(len(places), bool)
    opens[1:] = in_order[places[1:]] != in_order[places[:-1]]
    starts = np.flatnonzero(opens)
    number = np.cumsum(opens) - 1
    rank = np.arange(len(places)) - starts[number]
    which = by_key[places]
    ascending = np.argsort(which)
    return _Repeats(which[ascending], number[ascending], rank[ascending])


def _stable_argsort(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stable order of the keys, and the keys in that order."""
    # Sorting values is several times faster than sorting indices by them, so the index rides in
    # the low bits where there is room.
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)) >> (62 - bits):
        by_key = np.argsort(keys, kind="stable")
        return by_key, keys[by_key]
    packed = (keys << bits) | np.arange(len(keys))
    packed.sort()
    return packed & ((1 << bits) - 1), packed >> bits
