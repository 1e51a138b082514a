"""The arguments that `reset` understands: options, and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_game_env.errors import ConfigurationError
from llm_game_env.seeds import Seed, index_of


@dataclass(frozen=True)
class ResetOptions:
    """Options of one reset.

    Attributes:
        freeze_history: score against the history without adding to it.
        seed_indices: the seed prompts to play, in row order; None to draw them.
    """

    freeze_history: bool = False
    seed_indices: tuple[int, ...] | None = None


def read_options(
    options: Mapping[str, Any] | None, seeds: Sequence[Seed], num_rows: int
) -> ResetOptions:
    """Validates the known keys `freeze_history` and `seed_prompt_ids`; others are ignored.

    Raises:
        ConfigurationError: a value of the wrong type, an unknown id, more ids than rows.
    """
    options = options or {}
    freeze = options.get("freeze_history", False)
    if not isinstance(freeze, bool):
        raise ConfigurationError(f"options['freeze_history']={freeze!r} must be True or False")
    ids = options.get("seed_prompt_ids")
    if ids is None:
        return ResetOptions(freeze)
    if not isinstance(ids, Sequence) or isinstance(ids, str):
        raise ConfigurationError(f"options['seed_prompt_ids']={ids!r} must be a list of ids")
    if len(ids) == 0:
        raise ConfigurationError(
            "options['seed_prompt_ids'] is empty; name at least one, or leave it out"
        )
    if len(ids) > num_rows:
        raise ConfigurationError(
            f"options['seed_prompt_ids'] names {len(ids)} seed prompts for {num_rows} games; "
            "play them in several resets"
        )
    return ResetOptions(freeze, tuple(index_of(seeds, ids)))


def row_seeds(seed: int | Sequence[int], num_rows: int) -> list[int]:
    """The random seed of each row: `seed + i`, or the i-th of a list.

    Raises:
        ConfigurationError: the list has not one for each row, or a seed is no whole number of at
            least 0.
    """
    if isinstance(seed, int | np.integer):
        seeds: list[Any] = [int(seed) + row for row in range(num_rows)]
    elif isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str):
        seeds = list(seed)
    else:
        seeds = [seed] * num_rows  # refused below
    if len(seeds) != num_rows:
        raise ConfigurationError(
            f"seed has {len(seeds)} entries for {num_rows} games; give one each, or one int"
        )
    if not all(isinstance(each, int | np.integer) and each >= 0 for each in seeds):
        raise ConfigurationError(f"seed={seed!r} must be a whole number of at least 0, or a list")
    return [int(each) for each in seeds]
