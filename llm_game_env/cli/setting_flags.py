"""The flags of the games that `evaluate` and `crossplay` play."""

import argparse
from collections.abc import Mapping

from llm_game_env.checks import check_whole
from llm_game_env.cli.column_flags import add_column_arguments, columns_of
from llm_game_env.cli.prompts import PROMPT_WORDS, Prompts, open_prompts
from llm_game_env.evaluation.setting import Setting
from llm_game_env.gatekeeper.world import load_world

ASKED_AS_THEY_ARE = "{seed_prompt}"


def add_setting_arguments(parser: argparse.ArgumentParser, default_prompts: str) -> None:
    """The flags that `open_setting` takes."""
    parser.add_argument(
        "--prompts",
        metavar="PROMPTS",
        help=f"what games start from: {PROMPT_WORDS} (default: {default_prompts})",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="the first N prompts (built-in: N of either label)"
    )
    parser.add_argument("--turns", type=int, default=1, help="exchanges in a game (default: 1)")
    parser.add_argument(
        "--games-per-prompt", type=int, default=1, metavar="N", help="games (default: 1)"
    )
    parser.add_argument(
        "--instruction",
        help="what the adversary is told, with {seed_prompt} in it (default: the world's own)",
    )
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="of a message (default: 32; 256 for your own)"
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="games at a time (default: 256; 16 with --out)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (default: 0)")
    add_column_arguments(parser)


def open_setting(
    arguments: argparse.Namespace,
    default_prompts: str,
    *,
    asks_as_they_are: bool,
    system_prompts: Mapping[str, str] | None = None,
) -> tuple[Setting, Prompts]:
    """The setting that the flags describe, and its prompts.

    Args:
        arguments: the flags.
        default_prompts: the words of the prompts that are asked where none are named.
        asks_as_they_are: whether an `EchoPlayer` is to ask the prompts themselves.
        system_prompts: by agent.

    Raises:
        ConfigurationError: a flag is out of range.
        SeedPromptError: the prompts cannot be read.
    """
    words = arguments.prompts or default_prompts
    prompts = open_prompts(words, arguments.limit, columns_of(arguments))
    instruction = arguments.instruction
    if asks_as_they_are:
        instruction = ASKED_AS_THEY_ARE
    elif instruction is None and prompts.in_world:
        instruction = load_world().instruction
    max_tokens = arguments.max_tokens
    if max_tokens is None:
        max_tokens = 32 if prompts.in_world else 256
    max_tokens, batch_size = check_whole("--max-tokens", max_tokens), arguments.batch_size
    setting = Setting(
        prompts.seeds,
        instruction,
        turns=check_whole("--turns", arguments.turns),
        games_per_seed=check_whole("--games-per-prompt", arguments.games_per_prompt),
        adversary_max_tokens=max_tokens,
        defender_max_tokens=max_tokens,
        system_prompts=system_prompts,
        categories=prompts.categories,
        batch_size=256 if batch_size is None else check_whole("--batch-size", batch_size),
    )
    return setting, prompts
