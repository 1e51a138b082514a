"""What `import llm_game_env` takes, and what it brings with it.

    python benchmarks/import_time.py

Every import is a process of its own; they take turns, and the median of each counts, less what the
bare interpreter takes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

MODULES = ("numpy", "gymnasium", "pettingzoo", "llm_game_env", "torch")
BARE = "sys"


def main() -> None:
    """Reads the command line, imports, prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="imports of each (default: 9)")
    arguments = parser.parse_args()
    rounds = [[_import(name) for name in (BARE, *MODULES)] for _ in range(arguments.rounds)]
    bare, *imports = (
        [statistics.median(column) for column in zip(*times, strict=True)]
        for times in zip(*rounds, strict=True)
    )
    table = Table("import", title="Imports, seconds")
    for column in ("CPU time", "wall time"):
        table.add_column(column, justify="right")
    for name, (cpu, wall) in zip(MODULES, imports, strict=True):
        table.add_row(name, f"{cpu - bare[0]:.2f}", f"{wall - bare[1]:.2f}")
    Console().print(table)


def _import(name: str) -> tuple[float, float]:
    """(CPU, wall) seconds of a new interpreter that imports a module."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
    wall, after = time.perf_counter() - start, os.times()
    spent = after.children_user + after.children_system
    return spent - before.children_user - before.children_system, wall


if __name__ == "__main__":
    main()
