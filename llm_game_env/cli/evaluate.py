"""`llm-game evaluate`: an adversary against a defender, by any number of judges."""

import argparse
import sys
from dataclasses import dataclass

from tqdm import tqdm

from llm_game_env.checks import check_seed, check_whole
from llm_game_env.cli.cells import show
from llm_game_env.cli.judges import add_judge_arguments, open_judges
from llm_game_env.cli.measures import add_measure_arguments, open_measures
from llm_game_env.cli.players import (
    PLAYER_WORDS,
    add_player_arguments,
    hide_loading_bars,
    open_player,
)
from llm_game_env.cli.prompt_set import add_prompt_set_arguments, run_prompt_set
from llm_game_env.cli.setting_flags import add_setting_arguments, open_setting
from llm_game_env.cli.summary_tables import (
    agreement_table,
    prompt_table,
    verdict_table,
    worst_table,
)
from llm_game_env.evaluation.as_json import as_json
from llm_game_env.evaluation.playing import Played, play_batches
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.summary import Summary, summarise
from llm_game_env.players import EchoPlayer, Player
from llm_game_env.rules import AGENTS, DEFENDER

SUMMARY = """Play an adversary against a defender and say how it went.

Without an adversary the prompts are asked as they stand. The tables show attack success and
over-refusal by judge, for all prompts and by label, category and turn; how useful the answers are
and how varied the prompts; the worst cases; how far the judges agree, and on what they do not.
Safety alone says nothing, since who refuses everything is safe: read it beside over-refusal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evaluate`."""
    parser.add_argument(
        "--defender",
        default="builtin:defender",
        metavar="PLAYER",
        help=f"who answers: {PLAYER_WORDS} (default: builtin:defender)",
    )
    parser.add_argument(
        "--adversary",
        metavar="PLAYER",
        help="who writes the prompts, in the same words (default: nobody, they are asked as they "
        "stand)",
    )
    add_setting_arguments(
        parser, "builtin:held-out, or builtin:collected for an adversary to start from"
    )
    add_judge_arguments(parser)
    add_measure_arguments(parser)
    parser.add_argument(
        "--disagreements",
        type=int,
        metavar="N",
        help="exchanges to show on which judges differ (default: 3; --json has all)",
    )
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    add_player_arguments(parser)
    add_prompt_set_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plays, judges and prints."""
    if arguments.out is not None:
        return run_prompt_set(arguments)
    shown = 3 if arguments.disagreements is None else arguments.disagreements
    check_whole("--disagreements", shown, least=0)
    seed = check_seed("--seed", arguments.seed)
    asks_as_they_are = arguments.adversary is None
    system = arguments.system_prompt
    hide_loading_bars()
    setting, prompts = open_setting(
        arguments,
        "builtin:held-out" if asks_as_they_are else "builtin:collected",
        asks_as_they_are=asks_as_they_are,
        system_prompts=None if system is None else {AGENTS[DEFENDER]: system},
    )
    judges = open_judges(
        arguments.judge, arguments.refusals, arguments.device, in_world=prompts.in_world
    )
    measures = open_measures(arguments, in_world=prompts.in_world)
    adversary, defender = _players(arguments)
    played = _play(adversary, defender, setting, seed)
    summary = summarise(played, judges, **measures._asdict())
    if arguments.json:
        print(as_json(Evaluation(arguments.adversary, arguments.defender, seed, summary)))
    else:
        _print(f"{arguments.defender} against {arguments.adversary or 'the prompts'}", summary)
        for one in summary.disagreements[:shown]:
            print(f"\nthe judges differ, game {one.played.game}:\n{one.transcript}")
    return 0


@dataclass(frozen=True)
class Evaluation:
    """What `--json` prints.

    Attributes:
        adversary, defender: their words; the adversary is None where the prompts are asked.
        seed: of all random numbers.
        summary: the numbers, and all exchanges on which judges differ.
    """

    adversary: str | None
    defender: str
    seed: int
    summary: Summary


def _players(arguments: argparse.Namespace) -> tuple[Player, Player]:
    settings = {"temperature": arguments.temperature, "device": arguments.device}
    adversary: Player = EchoPlayer()
    if arguments.adversary is not None:
        adversary = open_player(arguments.adversary, agent=AGENTS[0], **settings)
    return adversary, open_player(arguments.defender, agent=AGENTS[1], **settings)


def _play(adversary: Player, defender: Player, setting: Setting, seed: int) -> list[Played]:
    played: list[Played] = []
    with tqdm(total=setting.num_games, unit="game", disable=not sys.stderr.isatty()) as bar:
        for batch in play_batches(adversary, defender, setting, seed=seed):
            played += batch
            bar.update(len({one.game for one in batch}))
    return played


def _print(title: str, summary: Summary) -> None:
    show(verdict_table(title, summary))
    show(prompt_table(summary))
    show(worst_table(summary))
    if summary.agreement:
        show(agreement_table(summary.agreement))
