"""What idealised GPO takes on a batch of large matrix games, beside the arithmetic it cannot avoid.

    python benchmarks/tabular.py

One core, CPU time. Every iterate of G games takes G·X·Y products for the scores of the defender's
policy, and as many again: for its normalisation in the paper's game, for the worth of each response
in the simultaneous one. That is 4·G·X·Y·T operations, multiplications and additions counted apart.
The floor is that number at the speed of the fastest matrix product that was measured (float64) in
the paper's game; in the simultaneous game, where an iterate is needed for the next one, the time of
two products of a game's scores and a vector, alone, with everything in the core's cache.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from ceilings import measure_ceilings
from rich.console import Console
from rich.table import Table

from llm_game_agents.tabular import Curves, TabularGames, follow, horizon_coefficients, make_games
from llm_game_agents.tabular.stepping import run_stepwise

SAMPLED = 200  # Iterations of one game, stepped, for the comparison.


def main() -> None:
    """Measures both games and prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", type=int, default=100, help="G")
    parser.add_argument("--prompts", type=int, default=1000, help="X")
    parser.add_argument("--responses", type=int, default=100, help="Y")
    parser.add_argument("--iterations", type=int, default=10_000, help="T")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shape = (arguments.games, arguments.prompts, arguments.responses)
    steps: int = arguments.iterations
    operations = 4 * np.prod(shape, dtype=float) * steps
    flops = measure_ceilings(torch.device("cpu"), torch.float64).flops
    payoff = np.random.default_rng(0).random(shape)
    paper = make_games(payoff)
    simultaneous = make_games(payoff, np.zeros(arguments.prompts, dtype=int))
    floors = (operations / flops, vector_products(simultaneous) * shape[0] * steps)
    table = Table(
        "game", "s", "floor, s", "s ÷ floor", "stepped, s", "largest difference",
        title=f"{shape[0]} games of {shape[1]} × {shape[2]}, {steps} iterations; "
        f"{operations:.2g} operations, matrix products {flops / 1e9:.0f} Gflop/s",
    )  # fmt: skip
    for name, games, floor in zip(
        ("the paper's", "simultaneous"), (paper, simultaneous), floors, strict=True
    ):
        rule = horizon_coefficients(games, steps)
        took = seconds(lambda games=games, rule=rule: follow(games, rule, steps))
        one = games.part(0, 1)
        points = [SAMPLED // 2, SAMPLED]
        start = time.process_time()
        stepped = run_stepwise(one, rule, SAMPLED, points).curves
        beside = (time.process_time() - start) * shape[0] * steps / SAMPLED
        table.add_row(
            name,
            f"{took:.1f}",
            f"{floor:.1f}",
            f"{took / floor:.1f}",
            f"{beside:.0f}",
            f"{difference(follow(one, rule, SAMPLED, points).curves, stepped):.0e}",
        )
    Console().print(table)


def vector_products(games: TabularGames) -> float:
    """Seconds of the two products of one game's scores and a policy, at best."""
    scores = games.payoff[0].copy()
    mu, pi = (np.full(size, 1 / size) for size in scores.shape)
    repeats = 2000

    def multiply() -> None:
        for _ in range(repeats):
            np.matmul(scores, pi)
            np.matmul(mu, scores)

    return min(seconds(multiply) for _ in range(5)) / repeats


def difference(curves: Curves, other: Curves) -> float:
    """How far the gaps of two runs are apart at most."""
    return float(
        max(
            np.abs(curves.average_gap - other.average_gap).max(),
            np.abs(curves.last_gap - other.last_gap).max(),
        )
    )


def seconds(call: Callable[[], object]) -> float:
    """CPU time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()
