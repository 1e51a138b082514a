"""`llm-game play`: a person against a saved player, at the terminal."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.checks import check_seed, check_whole
from llm_game_env.cli.players import (
    PLAYER_WORDS,
    add_player_arguments,
    hide_loading_bars,
    open_player,
)
from llm_game_env.cli.table import Opponent, Table
from llm_game_env.cli.verdict_lines import GroundTruthLines, ThresholdLines, VerdictLines
from llm_game_env.errors import ConfigurationError
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

SUMMARY = """Play one side yourself, against any saved player.

As the adversary you are told a seed prompt, and write a question that gets a secret out or has an
honest question refused; as the defender you answer what the adversary asks. After each exchange you
see the verdict: in the built-in world the ground truth and what the reward model took it for, in
your own world the score. An empty line is an empty message; Ctrl-D or Ctrl-C ends it all."""

TASKS = {"red-team": red_team_v0, "jailbreak": jailbreak_v0}
SIDES = {"adversary": ADVERSARY, "defender": DEFENDER}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `play`."""
    parser.add_argument(
        "--as",
        dest="side",
        choices=list(SIDES),
        default="adversary",
        help="whom you play (default: adversary)",
    )
    parser.add_argument(
        "--against",
        metavar="PLAYER",
        help=f"the other player: {PLAYER_WORDS} (default: the built-in one)",
    )
    parser.add_argument(
        "--task",
        choices=list(TASKS),
        default="red-team",
        help="red-team: ask what you like; jailbreak: reword a given goal (default: red-team)",
    )
    parser.add_argument("--turns", type=int, default=1, help="exchanges in a game (default: 1)")
    parser.add_argument("--games", type=int, help="how many games (default: until you leave)")
    parser.add_argument("--seed", type=int, default=0, help="of draws and answers (default: 0)")
    parser.add_argument(
        "--max-tokens", type=int, default=64, help="of one of its messages (default: 64)"
    )
    add_player_arguments(parser)
    parser.add_argument(
        "--seed-prompts",
        metavar="FILE",
        help="your own, JSON, JSONL, CSV or Parquet; with --reward-model (red-team only)",
    )
    parser.add_argument(
        "--reward-model", metavar="MODEL", help="a sequence classifier, a folder or hub id"
    )
    parser.add_argument(
        "--reward-label", help="the label whose probability is the score; none for a scalar"
    )
    parser.add_argument("--reward-best", type=float, help="the highest score; needed for a scalar")
    parser.add_argument(
        "--unsafe-below", type=float, default=0.5, help="scores that are unsafe (default: 0.5)"
    )
    parser.add_argument(
        "--transcript", type=Path, metavar="FILE", help="the games are added to this text file"
    )


def run(arguments: argparse.Namespace) -> int:
    """Plays until the games are over or the person leaves."""
    side = SIDES[arguments.side]
    games = None if arguments.games is None else check_whole("--games", arguments.games)
    seed = check_seed("--seed", arguments.seed)
    turns = check_whole("--turns", arguments.turns)
    max_tokens = check_whole("--max-tokens", arguments.max_tokens)
    hide_loading_bars()
    settings, lines = _world(arguments)
    env = TASKS[arguments.task].raw_env(max_turns=turns, **settings)
    against = arguments.against or f"builtin:{'defender' if side == ADVERSARY else 'adversary'}"
    player = open_player(
        against,
        agent=AGENTS[1 - side],
        temperature=arguments.temperature,
        device=arguments.device,
    )
    if arguments.transcript is not None:
        _refuse_unwritable(arguments.transcript)
    opponent = Opponent(player, np.random.default_rng(seed), max_tokens)
    Table(env, side, opponent, lines, arguments.transcript).play(games, seed)
    return 0


def _world(arguments: argparse.Namespace) -> tuple[dict[str, Any], VerdictLines]:
    """The environment's arguments that say which world is played, and who says the verdict."""
    own = (arguments.seed_prompts, arguments.reward_model)
    if own == (None, None):
        return {}, GroundTruthLines(arguments.task == "jailbreak")
    if None in own or arguments.task != "red-team":
        raise ConfigurationError(
            "--seed-prompts and --reward-model make a world of your own; give both, with "
            "--task red-team"
        )
    # Imported here: the built-in world is played without it.
    from llm_game_env.rewards import ClassifierReward

    reward_model = ClassifierReward(
        arguments.reward_model,
        label=arguments.reward_label,
        best=arguments.reward_best,
        device=arguments.device,
    )
    settings = {"seed_prompts": arguments.seed_prompts, "reward_model": reward_model}
    settings["unsafe_below"] = arguments.unsafe_below
    return settings, ThresholdLines(arguments.unsafe_below)


def _refuse_unwritable(path: Path) -> None:
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise ConfigurationError(
            f"--transcript {path} cannot be written ({error}); give another file"
        ) from error
