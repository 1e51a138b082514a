"""`llm-game evaluate --out FOLDER`: a defender on prompts from a file, going on where it was."""

import argparse
import sys

from rich.console import Console
from rich.markdown import Markdown

from llm_game_env.cli.column_flags import columns_of
from llm_game_env.cli.judges import open_judges
from llm_game_env.cli.players import open_player
from llm_game_env.cli.prompts import open_prompt_set
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.as_json import as_json
from llm_game_env.evaluation.prompt_sets.evaluating import evaluate_prompt_set
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.evaluation.prompt_sets.table import as_markdown
from llm_game_env.rules import AGENTS

_UNUSED = {"adversary": None, "instruction": None, "turns": 1, "games_per_prompt": 1}
_UNUSED |= {"encoder": None, "helpfulness": None, "disagreements": None}


def add_prompt_set_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of an evaluation that is kept in a folder."""
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="for prompts from a file, asked as they stand: keeps answers and verdicts there, a "
        "batch at a time, and goes on where an earlier call was cut off",
    )
    parser.add_argument("--system-prompt", metavar="TEXT", help="of the defender (default: none)")


def run_prompt_set(arguments: argparse.Namespace) -> int:
    """Asks, judges, writes the report, and prints it.

    Raises:
        ConfigurationError: a flag cannot be used with --out, or the folder is another evaluation's.
    """
    for name, default in _UNUSED.items():
        if getattr(arguments, name, default) != default:
            raise ConfigurationError(
                f"--{name.replace('_', '-')} cannot be used with --out, which asks every prompt "
                "once, as it stands; leave out one of them"
            )
    if arguments.prompts is None:
        raise ConfigurationError("--out needs --prompts, such as xstest:FILE")
    prompts = open_prompt_set(arguments.prompts, arguments.limit, columns_of(arguments))
    settings = AskingSettings(
        name=arguments.defender,
        max_tokens=256 if arguments.max_tokens is None else arguments.max_tokens,
        system_prompt=arguments.system_prompt,
        seed=arguments.seed,
        batch_size=16 if arguments.batch_size is None else arguments.batch_size,
    )
    judges = open_judges(arguments.judge, arguments.refusals, arguments.device, in_world=False)
    defender = open_player(
        arguments.defender,
        agent=AGENTS[1],
        temperature=arguments.temperature,
        device=arguments.device,
    )
    report = evaluate_prompt_set(defender, prompts, judges, arguments.out, settings)
    if arguments.json:
        print(as_json(report))
    elif sys.stdout.isatty():
        Console().print(Markdown(as_markdown(report)))
    else:
        print(as_markdown(report))
    return 0
