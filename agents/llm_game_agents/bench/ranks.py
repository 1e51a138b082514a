"""Ranks that say no more than the intervals do."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_game_env.evaluation.intervals import paired_interval

LEAST_SEEDS = 3


class Rank(NamedTuple):
    """The places that one of N entries may have, counted from 1.

    Attributes:
        best: 1 + how many are shown to be better.
        worst: N - how many are shown to be worse.
    """

    best: int
    worst: int

    def __str__(self) -> str:
        return f"{self.best}" if self.best == self.worst else f"{self.best}–{self.worst}"


def ranks(values: Mapping[str, Mapping[int, float]], *, higher_is_better: bool) -> dict[str, Rank]:
    """The places of all entries.

    One is shown to be better than another where the 95 % interval of their difference, paired by
    seed, excludes 0 (Student's t; no correction for the number of pairs). With fewer than three
    seeds in common nothing is shown: of two, differences that agree by chance make an interval of
    no width.

    Args:
        values: entry -> seed -> what was measured.
        higher_is_better: which way is up.
    """
    better: dict[str, int] = dict.fromkeys(values, 0)
    worse: dict[str, int] = dict.fromkeys(values, 0)
    names = list(values)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            sign = _shown(values[one], values[other]) * (1 if higher_is_better else -1)
            if sign:
                winner, loser = (one, other) if sign > 0 else (other, one)
                better[loser] += 1
                worse[winner] += 1
    return {name: Rank(1 + better[name], len(names) - worse[name]) for name in names}


def _shown(left: Mapping[int, float], right: Mapping[int, float]) -> int:
    """1 where left is shown to be greater, -1 where it is less, 0 where neither is."""
    common: Sequence[int] = sorted(left.keys() & right.keys())
    if len(common) < LEAST_SEEDS:
        return 0
    difference = paired_interval([left[s] for s in common], [right[s] for s in common])
    if not difference.excludes_zero:
        return 0
    return 1 if difference.mean > 0 else -1
