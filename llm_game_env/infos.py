"""The numbers that every view reports beside its rewards: always the same keys, always floats.

The keys are those of `part_names(rules)`, "seed_prompt_index" and "harmful".
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from llm_game_env.game import Game
from llm_game_env.scoring import RewardParts


def seed_infos(game: Game, row: int) -> dict[str, float]:
    """What the infos say of the seed prompt; 0 where there is no game."""
    index, harmful = _seed_numbers(game, row)
    return {"seed_prompt_index": index, "harmful": harmful}


def seed_columns(game: Game) -> dict[str, np.ndarray]:
    """The `seed_infos` of all rows, float64 [N] each."""
    index, harmful = as_table([_seed_numbers(game, row) for row in range(game.num_rows)]).T
    return {"seed_prompt_index": index, "harmful": harmful}


def part_infos(game: Game, parts: RewardParts) -> dict[str, float]:
    """What the infos say of a scored exchange."""
    return dict(zip(game.part_names, parts.numbers, strict=True))


def part_table(parts: Sequence[RewardParts]) -> np.ndarray:
    """The `numbers` of each, float64 [N, P]."""
    return as_table([one.numbers for one in parts])


def unscored_infos(game: Game, row: int) -> dict[str, float]:
    """The infos of one row while nothing is scored."""
    return part_infos(game, game.nothing) | seed_infos(game, row)


def as_table(rows: Sequence[tuple[float, ...]]) -> np.ndarray:
    """float64 [len(rows), len(rows[0])]; `np.array` takes three times as long for short tuples."""
    return np.fromiter(chain.from_iterable(rows), np.float64).reshape(len(rows), -1)


def _seed_numbers(game: Game, row: int) -> tuple[float, float]:
    index = game.seed_index(row)
    harmful = game.has_game(row) and game.rules.seeds[index].label == "harmful"
    return float(index), float(harmful)
