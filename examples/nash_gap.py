"""The theorem, run: Nash gaps of idealised GPO and its relatives on random matrix games, drawn.

    python examples/nash_gap.py           20 games, eight horizons up to 10,000: half a minute
    python examples/nash_gap.py --full    100 games, twenty horizons up to 100,000: minutes

Writes one figure, and every number in it as CSV. Games have ten prompts, eight responses and scores
drawn evenly from 0 to 1. In *the paper's game* the defender sees the prompt and has a best response
to it whatever the adversary does, so that nothing cycles; in *the simultaneous game* it sees
nothing. The agents' page says what is to be seen.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from nash_gap_curves import SHORTEST, Point, Size, all_points
from nash_gap_figure import draw

from llm_game_env.checks import check_whole
from llm_game_env.errors import ConfigurationError

SMALL = Size(games=20, horizons=8, longest=10_000)
FULL = Size(games=100, horizons=20, longest=100_000)


def main() -> None:
    """Reads the command line, computes, writes and prints the fitted slopes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the size of the committed figure")
    parser.add_argument("--games", type=int, help="random games of either kind (20)")
    parser.add_argument("--horizons", type=int, help="runs of plain descent (8)")
    parser.add_argument("--longest", type=int, help="the last horizon, from 10 on (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the games")
    parser.add_argument("--out", type=Path, default=Path("runs/nash_gap"), help="a folder")
    arguments = parser.parse_args()
    given = {
        name: value for name in Size._fields if (value := getattr(arguments, name)) is not None
    }
    if arguments.full and given:
        parser.error(f"--full has its own size; leave out --{', --'.join(given)}, or --full")
    size = (FULL if arguments.full else SMALL)._replace(**given)
    try:
        check_whole("--games", size.games)
        check_whole("--horizons", size.horizons, least=2)  # A slope takes two.
        check_whole("--longest", size.longest, least=SHORTEST + 1)
    except ConfigurationError as error:
        parser.exit(2, f"error: {error}\n")
    points = all_points(size, arguments.seed)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    write(points, out / "nash_gap.csv")
    draw(points, out / "nash_gap.png")
    for panel, series in sorted({(p.panel, p.series) for p in points if "horizon" in p.panel}):
        if "bound" not in series:
            print(f"{panel}, {series}: slope {slope(points, panel, series):.3f}")
    print(f"{out / 'nash_gap.png'}, {out / 'nash_gap.csv'}")


def slope(points: list[Point], panel: str, series: str) -> float:
    """Of log y on log x, by least squares."""
    chosen = [(p.x, p.y) for p in points if (p.panel, p.series) == (panel, series)]
    x, y = np.log(np.array(chosen)).T
    return float(np.polyfit(x, y, 1)[0])


def write(points: list[Point], path: Path) -> None:
    """One line a point, four digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Point._fields)
        writer.writerows((p.panel, p.series, f"{p.x:.6g}", f"{p.y:.4g}") for p in points)


if __name__ == "__main__":
    main()
