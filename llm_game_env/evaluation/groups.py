"""Played exchanges by label, category and turn."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from llm_game_env.evaluation.playing import Played

Kind = Literal["all", "label", "category", "turn"]


class Group(NamedTuple):
    """Some of N played exchanges.

    Attributes:
        kind: by what they were grouped; "all" for the group of all.
        name: the label or category of their seed prompts, or their turn, from 0 on; "" for all.
        rows: which of the exchanges, int64 [n].
    """

    kind: Kind
    name: str
    rows: np.ndarray


def groups_of(played: Sequence[Played]) -> tuple[Group, ...]:
    """All exchanges first; then those of each label, category and turn.

    A breakdown is left out where everything is of one kind, which says no more than "all".
    """
    groups = [Group("all", "", np.arange(len(played)))]
    keys: tuple[tuple[Kind, Callable[[Played], str | int]], ...] = (
        ("label", lambda one: one.label),
        ("category", lambda one: one.category),
        ("turn", lambda one: one.turn),
    )
    for kind, key in keys:
        rows: dict[str | int, list[int]] = {}
        for row, one in enumerate(played):
            rows.setdefault(key(one), []).append(row)
        if len(rows) > 1:
            # Labels and categories come as the seed prompts have them, turns in their order.
            names = sorted(rows) if kind == "turn" else rows
            groups += [Group(kind, str(name), np.array(rows[name])) for name in names]
    return tuple(groups)
