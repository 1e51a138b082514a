"""`llm-game train`: GPO on the built-in world or on one's own models; needs `llm_game_agents`."""

import argparse

from llm_game_env.cli.frame import WRONG
from llm_game_env.errors import GameError

SUMMARY = """Co-train an adversary and a defender.

Without a model named, the arms of the demo on the built-in world, compared in one table. With
--adversary, --defender, --reward-model and --seed-prompts, GPO or another algorithm on your own
models; --dry-run prints the memory that such a run would need. --resume RUN goes on with either
where it was stopped. Everything is written below one run folder, which is printed at the end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `train`: those of the run, and every knob of every part."""
    from llm_game_agents.main_job.request import add_arguments as add_all

    add_all(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains; of several processes the main one says what is wrong."""
    from llm_game_agents.main_job.job import run as run_job
    from llm_game_agents.main_job.request import read_request
    from llm_game_agents.processes import is_main_process

    try:
        return run_job(read_request(vars(arguments)))
    except GameError:
        if is_main_process():
            raise
        return WRONG
