"""What a step of an environment costs beside PettingZoo's and TextArena's own games.

    python benchmarks/environment_cost.py
    python benchmarks/environment_cost.py --only tokens --rounds 99

A *step* is one action of one game: the figures of `vector_env(1024)` are divided by 1,024. A *turn*
is one exchange, a prompt and its response: two steps in text, and as many as both messages have
tokens in tokens. Games are played whole, by the loop that the library's documentation shows: what
`reset`, `last` and the steps of ended agents take is shared out among the steps that play.

The yardstick is a step of PettingZoo's rock, paper, scissors without wrappers. The last column is
what a step takes where that takes 2 µs, about what it takes on an idle core.
"""

import argparse

from interleaved import measure
from own_games import batches, single_games
from rich.console import Console
from rich.table import Table
from rivals import rivals, yardstick

YARDSTICK_MICROSECONDS = 2.0


def main() -> None:
    """Reads the command line, measures, prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=31, help="chunks of each (default: 31)")
    parser.add_argument("--only", default="", help="environments whose name contains this")
    arguments = parser.parse_args()
    subjects = [*rivals(), *single_games(), *batches()]
    subjects = [subject for subject in subjects if arguments.only in subject.name]
    costs = measure(subjects, yardstick(), arguments.rounds)

    caption = "a step is one action of one game; a turn, a prompt and its response, is two in text"
    table = Table("environment", title="CPU time a step", caption=caption)
    for column in ("µs", "÷ rps raw", "µs where rps raw takes 2"):
        table.add_column(column, justify="right")
    for subject, cost in zip(subjects, costs, strict=True):
        scaled = cost.ratio * YARDSTICK_MICROSECONDS
        numbers = (f"{cost.microseconds:.1f}", f"{cost.ratio:.2f}", f"{scaled:.1f}")
        table.add_row(subject.name, *numbers)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
