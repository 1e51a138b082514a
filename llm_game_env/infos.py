"""The numbers that every view reports beside its rewards: always the same keys, always floats."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from llm_game_env.game import Game
from llm_game_env.scoring import RewardParts

PART_NAMES = RewardParts._fields
NOTHING = RewardParts()
_NO_PARTS = NOTHING._asdict()


def seed_infos(game: Game, row: int) -> dict[str, float]:
    """What the infos say of the seed prompt; 0 where there is no game."""
    index, harmful = _seed_numbers(game, row)
    return {"seed_prompt_index": index, "harmful": harmful}


def seed_columns(game: Game) -> dict[str, np.ndarray]:
    """The `seed_infos` of all rows, float64 [N] each."""
    index, harmful = as_table([_seed_numbers(game, row) for row in range(game.num_rows)]).T
    return {"seed_prompt_index": index, "harmful": harmful}


def unscored_infos(game: Game, row: int) -> dict[str, float]:
    """The infos of one row while nothing is scored."""
    return {**_NO_PARTS, **seed_infos(game, row)}


def as_table(rows: Sequence[tuple[float, ...]]) -> np.ndarray:
    """float64 [len(rows), len(rows[0])]; `np.array` takes three times as long for short tuples."""
    return np.fromiter(chain.from_iterable(rows), np.float64).reshape(len(rows), -1)


def _seed_numbers(game: Game, row: int) -> tuple[float, float]:
    index = game.seed_index(row)
    harmful = game.has_game(row) and game.rules.seeds[index].label == "harmful"
    return float(index), float(harmful)
