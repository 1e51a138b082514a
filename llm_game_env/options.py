"""The arguments that `reset` understands: options, and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_game_env.checks import brief, check_flag, check_mapping, check_seed
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


_NOTHING_ASKED = ResetOptions()


def read_options(
    options: Mapping[str, Any] | None, seeds: Sequence[Seed], num_rows: int
) -> ResetOptions:
    """Validates the known keys `freeze_history` and `seed_prompt_ids`; others are ignored.

    Raises:
        ConfigurationError: a value of the wrong type, an unknown id, more ids than rows.
    """
    if options is None:
        return _NOTHING_ASKED
    given = check_mapping("options", options)
    freeze = check_flag("options['freeze_history']", given.get("freeze_history", False))
    ids = given.get("seed_prompt_ids")
    if ids is None:
        return ResetOptions(freeze)
    if not isinstance(ids, Sequence) or isinstance(ids, str):
        raise ConfigurationError(f"options['seed_prompt_ids']={brief(ids)} must be a list of ids")
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
        ConfigurationError: it is neither a whole number of at least 0 nor a list of such, one for
            each row.
    """
    seeds = seed.tolist() if isinstance(seed, np.ndarray) else seed
    if not isinstance(seeds, Sequence) or isinstance(seeds, str | bytes):
        first = check_seed("seed", seeds)
        return [first + row for row in range(num_rows)]
    if len(seeds) != num_rows:
        raise ConfigurationError(
            f"seed={brief(seeds)} has {len(seeds)} entries for {num_rows} games; give one each, or "
            "one whole number"
        )
    return [check_seed(f"seed[{row}]", one) for row, one in enumerate(seeds)]
