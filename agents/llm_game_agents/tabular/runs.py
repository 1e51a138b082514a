"""Runs an algorithm in a batch of games and records its Nash gaps."""

from collections.abc import Sequence

import numpy as np

from llm_game_agents.tabular.curves import Run, check_checkpoints, side_by_side
from llm_game_agents.tabular.games import TabularGames
from llm_game_agents.tabular.rule import Rule
from llm_game_agents.tabular.sighted import can_run_ahead, run_ahead
from llm_game_agents.tabular.stepping import run_stepwise
from llm_game_env.checks import check_whole

_CACHE_BYTES = 1 << 20  # Of scores a part of the batch: what a core's second cache holds.


def follow(
    games: TabularGames,
    rule: Rule,
    iterations: int,
    checkpoints: Sequence[int] | np.ndarray | None = None,
) -> Run:
    """Runs a rule from uniform policies.

    In the paper's game the defender's iterates of `MirrorDescent` are known in advance, and
    `sighted` computes all of them as matrix products; the rest is stepped, as many games at a time
    as a cache holds.

    Args:
        games: G of them.
        rule: the algorithm.
        iterations: T, how many iterates there are, the uniform one among them.
        checkpoints: where gaps are taken, from 1 to T; log-spaced by default.

    Raises:
        ConfigurationError: the iterations or a checkpoint cannot be used.
        TrainingError: a best response to a likeness matrix was not found.
    """
    iterations = check_whole("iterations", iterations)
    chosen = check_checkpoints(checkpoints, iterations)
    size = max(1, _CACHE_BYTES // games.payoff[0].nbytes)
    parts = [games.part(first, first + size) for first in range(0, len(games.payoff), size)]
    if can_run_ahead(rule, games):
        return side_by_side([run_ahead(part, rule, iterations, chosen) for part in parts])
    return side_by_side([run_stepwise(part, rule, iterations, chosen) for part in parts])
