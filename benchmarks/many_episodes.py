"""Whether the ten-thousandth game in one environment costs what the first ones did.

    python benchmarks/many_episodes.py

Time: the median cost of a step in the last quarter of the games over that in the first, both as
ratios to a step of PettingZoo's rock, paper, scissors beside them. Memory, in games of their own,
since tracing takes time: what Python holds after the last game more than after the first quarter
(`tracemalloc`), and by how much the peak of the whole process has grown meanwhile.
"""

import argparse
import gc
import resource
import tracemalloc

from interleaved import Subject, cost_beside, median
from own_games import single_games
from rich.console import Console
from rich.table import Table
from rivals import yardstick


def main() -> None:
    """Reads the command line, plays, prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=10_000, help="games (default: 10,000)")
    parser.add_argument("--only", default="env()", help="environments whose name contains this")
    arguments = parser.parse_args()
    table = Table("environment", title=f"{arguments.episodes:,} games in one environment")
    for column in ("time of a step, last ÷ first quarter", "KiB held", "KiB of the peak"):
        table.add_column(column, justify="right")
    for timed, traced in zip(single_games(), single_games(), strict=True):
        if arguments.only in timed.name:
            slower = _slower(timed, arguments.episodes)
            held, peak = _grown(traced, arguments.episodes)
            table.add_row(timed.name, f"{slower:.3f}", f"{held:+,.0f}", f"{peak:+,}")
    Console(width=100).print(table)


def _slower(subject: Subject, num_games: int) -> float:
    """What a step takes in the last quarter of the games, over what it takes in the first."""
    beside = yardstick()
    cost_beside(subject, beside)  # Fills caches, and is not counted.
    costs = [cost_beside(subject, beside) for _ in range(num_games // len(subject.draw()))]
    quarter = len(costs) // 4
    return median(costs[-quarter:]).ratio / median(costs[:quarter]).ratio


def _grown(subject: Subject, num_games: int) -> tuple[float, int]:
    """KiB that the last three quarters add to what Python holds, and to the peak."""
    num_chunks = num_games // len(subject.draw())
    tracemalloc.start()
    _play(subject, num_chunks // 4)
    held, peak = _memory()
    _play(subject, num_chunks - num_chunks // 4)
    held_after, peak_after = _memory()
    tracemalloc.stop()
    return held_after - held, peak_after - peak


def _play(subject: Subject, num_chunks: int) -> None:
    for _ in range(num_chunks):
        subject.play(subject.draw())


def _memory() -> tuple[float, int]:
    """KiB that Python holds, and KiB of the process's peak (on Linux)."""
    gc.collect()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return tracemalloc.get_traced_memory()[0] / 1024, peak


if __name__ == "__main__":
    main()
