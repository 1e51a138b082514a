"""Any algorithm, iterate by iterate."""

from collections.abc import Iterator

import numpy as np

from llm_game_agents.tabular.curves import Run, after_each_other, measure
from llm_game_agents.tabular.games import Policies, TabularGames
from llm_game_agents.tabular.rule import Rule


def iterates(games: TabularGames, rule: Rule) -> Iterator[Policies]:
    """Every iterate without end, the uniform policies first."""
    run = rule.begin(games)
    while True:
        policies = run.policies
        yield policies
        run.step(games.signals(policies, rule.entropy))


def run_stepwise(games: TabularGames, rule: Rule, iterations: int, checkpoints: list[int]) -> Run:
    """Goes through the iterates and measures the average and the last at the checkpoints.

    Args:
        games: G of them.
        rule: any algorithm.
        iterations: T.
        checkpoints: in order, from 1 to T.
    """
    policies = games.uniform()
    sums = Policies(*(np.zeros_like(side) for side in policies))
    points, wanted = [], set(checkpoints)
    steps = zip(range(1, iterations + 1), iterates(games, rule), strict=False)
    for iteration, policies in steps:
        for total, side in zip(sums, policies, strict=True):
            total += side
        if iteration in wanted:
            average = Policies(*(total / iteration for total in sums))
            points.append(measure(games, iteration, average, policies, rule.entropy))
    average = Policies(*(total / iterations for total in sums))
    return Run(after_each_other(points), policies, average)
