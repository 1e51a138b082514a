"""`llm-game report`: runs side by side, in one page that opens from disk."""

import argparse
import json
from pathlib import Path

from llm_game_env.checks import check_seed, check_whole
from llm_game_env.cli.players import hide_loading_bars
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.report import read_runs, write_figures, write_report
from llm_game_env.evaluation.report.drawing import FORMATS
from llm_game_env.evaluation.report.figures import Figure
from llm_game_env.evaluation.report.heat_map import heat_map, read_crossplay
from llm_game_env.evaluation.report.page import MOST_EXCHANGES
from llm_game_env.evaluation.report.recorded import RecordedRun

SUMMARY = """Write one HTML page about one or more runs.

The page opens from disk and loads nothing: a summary with intervals, learning curves, the reward
model against the judge, the diversity of the prompts, cross-play, and thousands of exchanges to
search. RUN is a folder that `llm-game train` has written to; of a run that is still going, the
page shows what there is so far."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `report`."""
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="the folder of a run")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the page goes (default: report.html in the first RUN)",
    )
    parser.add_argument("--title", default="", help="of the page (default: the runs' names)")
    parser.add_argument(
        "--exchanges",
        type=int,
        default=MOST_EXCHANGES,
        help="at most on the page, drawn evenly from all updates (default: %(default)s)",
    )
    parser.add_argument(
        "--crossplay",
        metavar="FILE",
        help="a matrix that `llm-game crossplay --json` has written; `none` for no cross-play "
        "(default: runs on the built-in world are played against each other)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the cross-play (default: %(default)s)"
    )
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="FOLDER",
        help="also write every figure to a file of its own, with its numbers as CSV",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="pdf", help="of those files (default: %(default)s)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was written as JSON, for programs"
    )


def run(arguments: argparse.Namespace) -> int:
    """Writes the page, and the figures where they are asked for."""
    check_whole("--exchanges", arguments.exchanges, least=0)
    seed = check_seed("--seed", arguments.seed)
    runs = read_runs(arguments.runs)
    out = arguments.out or arguments.runs[0] / "report.html"
    if out.is_dir():
        raise ConfigurationError(f"--out {out} is a folder; give a file in it")
    extra = _cross_play(arguments.crossplay, runs, seed)
    written = write_report(
        runs,
        out,
        title=arguments.title,
        extra_figures=extra,
        most_exchanges=arguments.exchanges,
    )
    figures: list[Path] = []
    if arguments.figures is not None:
        figures = write_figures(runs, arguments.figures, arguments.format, extra)
    if arguments.json:
        record = {
            "report": str(written.path),
            "exchanges": written.exchanges,
            "exchanges_recorded": written.recorded,
            "figures": [str(path) for path in figures],
        }
        print(json.dumps(record))
    else:
        print(f"{written.path}: {written.exchanges:,} of {written.recorded:,} exchanges")
        if figures:
            print(f"{len(figures)} files in {arguments.figures}")
    return 0


def _cross_play(wanted: str | None, runs: list[RecordedRun], seed: int) -> list[Figure]:
    if wanted == "none":
        return []
    if wanted is not None:
        return [heat_map(read_crossplay(Path(wanted)))]
    # Imported here: only what is played needs the models.
    from llm_game_env.cli.run_players import play_runs

    hide_loading_bars()
    found = play_runs(runs, seed=seed)
    return [] if found is None else [heat_map(found)]
