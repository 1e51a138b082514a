"""`llm-game crossplay`: every adversary against every defender."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from llm_game_env.checks import check_seed
from llm_game_env.cli.cells import add_row, share, show
from llm_game_env.cli.judges import add_judge_arguments, open_judges
from llm_game_env.cli.opened_players import Opened
from llm_game_env.cli.players import (
    PLAYER_WORDS,
    add_player_arguments,
    hide_loading_bars,
    open_player,
)
from llm_game_env.cli.setting_flags import add_setting_arguments, open_setting
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.as_json import as_json
from llm_game_env.evaluation.crossplay import CrossPlay, Measure, crossplay
from llm_game_env.rendering import printable
from llm_game_env.rules import AGENTS

SUMMARY = """Play every adversary against every defender, and show who breaks whom.

Each adversary writes the first prompt of every game once, and all defenders are asked the same
ones. A cell does not depend on who else is there. Name a player by NAME=PLAYER, or it goes by its
words; checkpoints of runs, scripts and endpoints may stand side by side."""

# A URL or a path may hold an equals sign, but a name no colon or slash before it.
_NAMED = re.compile(r"([^=:/\\]*)=(.*)", re.DOTALL)
MEASURES: Mapping[str, Measure] = {
    "unsafe": "unsafe",
    "over-refusal": "over_refusal",
    "success": "success",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `crossplay`."""
    for side in ("adversary", "defender"):
        parser.add_argument(
            f"--{side}",
            action="append",
            required=True,
            metavar="[NAME=]PLAYER",
            help=f"give it once for each {side}: {PLAYER_WORDS}",
        )
    add_setting_arguments(parser, "builtin:collected")
    add_judge_arguments(parser)
    parser.add_argument(
        "--measure",
        choices=list(MEASURES),
        default="success",
        help="what the tables show: unsafe answers, over-refusals, or either (default: success)",
    )
    parser.add_argument(
        "--one-at-a-time",
        action="store_true",
        help="open a player when it is its turn and drop it afterwards, for models that do not fit "
        "into memory together; what cannot be opened is then found late",
    )
    parser.add_argument("--json", action="store_true", help="print all cells as JSON")
    add_player_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plays, judges and prints."""
    seed = check_seed("--seed", arguments.seed)
    named = [_named(side, getattr(arguments, side)) for side in ("adversary", "defender")]
    hide_loading_bars()
    setting, prompts = open_setting(arguments, "builtin:collected", asks_as_they_are=False)
    judges = open_judges(
        arguments.judge, arguments.refusals, arguments.device, in_world=prompts.in_world
    )
    adversaries, defenders = (
        _opened(words, agent, arguments) for words, agent in zip(named, AGENTS, strict=True)
    )
    if not arguments.one_at_a_time:
        adversaries, defenders = dict(adversaries), dict(defenders)
    total = len(adversaries) * len(defenders)
    with tqdm(total=total, unit="pair", disable=not sys.stderr.isatty()) as bar:
        result = crossplay(
            adversaries,
            defenders,
            setting,
            judges,
            seed=seed,
            watch=lambda *_: bar.update(),
        )
    if arguments.json:
        print(as_json(result))
    else:
        for judge in result.judges:
            show(_table(result, judge, arguments.measure))
    return 0


def _opened(words: Mapping[str, str], agent: str, arguments: argparse.Namespace) -> Opened:
    """By name; the agent is the one whose player is taken out of a run's folder."""
    settings = {"temperature": arguments.temperature, "device": arguments.device}
    return Opened(
        {name: partial(open_player, one, agent=agent, **settings) for name, one in words.items()}
    )


def _named(side: str, given: Sequence[str]) -> dict[str, str]:
    """Name -> words of each player; one without a name goes by its words."""
    named: dict[str, str] = {}
    for one in given:
        found = _NAMED.fullmatch(one)
        name, words = found.groups() if found else (one, one)
        if not name or not words:
            raise ConfigurationError(f"--{side} {one!r} must be PLAYER or NAME=PLAYER")
        if name in named:
            raise ConfigurationError(f"--{side} {name!r} is there twice; give each its own NAME=")
        named[name] = words
    return named


def _table(result: CrossPlay, judge: str, measure: str) -> Table:
    """Adversaries down, defenders across."""
    table = Table(title=f"{measure} by {judge}", caption="% of exchanges [95 % interval, Wilson]")
    table.add_column("adversary")
    for defender in result.defenders:
        table.add_column(Text(printable(defender)), justify="right")
    for adversary in result.adversaries:
        cells = [
            share(result.proportion(adversary, defender, judge, MEASURES[measure]))
            for defender in result.defenders
        ]
        add_row(table, adversary, *cells)
    return table
