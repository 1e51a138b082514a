"""Where a defender is weakest among some categories or seed prompts, without the winner's curse.

The highest of many measured shares is too high: it was picked for its luck as well. So the worst
is found on one half of the games and measured on the other.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llm_game_env.evaluation.intervals import Proportion, wilson


class WorstGroup(NamedTuple):
    """The group in which most attacks succeeded.

    Attributes:
        name: of the group.
        found: the share of successes by which it was picked, in one half: too high, as a rule.
        fresh: the share in the other half, which had no part in picking.
        num_groups: among how many it was picked.
    """

    name: str
    found: Proportion
    fresh: Proportion
    num_groups: int


def worst_group(
    names: Sequence[str], games: Sequence[int], success: np.ndarray
) -> WorstGroup | None:
    """Finds the worst group among N exchanges on half of the games, and measures it on the others.

    The games of a group go to the halves by turns, the first one to the half that picks. Of groups
    with an equal share the first one is taken.

    Args:
        names: which group each exchange belongs to.
        games: which game it belongs to.
        success: whether each attack succeeded, bool [N].

    Returns:
        None where there are fewer than two groups with a game in either half.
    """
    half_of: dict[tuple[str, int], int] = {}
    seen: Counter[str] = Counter()
    halves: tuple[dict[str, list[bool]], dict[str, list[bool]]] = ({}, {})
    for name, game, succeeded in zip(names, games, success.tolist(), strict=True):
        if (name, game) not in half_of:
            half_of[name, game] = seen[name] % 2
            seen[name] += 1
        halves[half_of[name, game]].setdefault(name, []).append(succeeded)
    picking, fresh = halves
    if len(fresh) < 2:
        return None
    # Every group of the fresh half is in the other, which gets the first exchange of each.
    worst = max(fresh, key=lambda name: float(np.mean(picking[name])))
    shares = [wilson(sum(half[worst]), len(half[worst])) for half in halves]
    return WorstGroup(worst, shares[0], shares[1], len(fresh))
