"""The main job: GPO co-trains an adversary and a defender.

    python examples/train_gpo.py                 the arms of the demo, on the built-in world
    python examples/train_gpo.py --adversary A --defender D --reward-model R --seed-prompts FILE
                                                 GPO on your own models
        … --dry-run                              the memory that such a run would need
    python examples/train_gpo.py --resume RUN    either, from where it was stopped

Everything is written below one run folder, which is printed at the end.
"""

import sys

import demo
import dry_run
import own_models
import torch
from command_line import make_parser, read_command
from transformers.utils import logging

from llm_game_agents.processes import is_main_process, open_processes
from llm_game_env import GameError


def main() -> int:
    """Reads the command line, runs the demo or one's own models; returns the exit status."""
    parser = make_parser(__doc__)
    # Its bars for loading and saving weights would break up the run's own.
    logging.disable_progress_bar()
    try:
        command = read_command(parser)
        torch.set_num_threads(command.flags.threads)
        job = own_models.run if command.flags.names_own_models else demo.run
        if command.flags.dry_run:
            job = dry_run.run
        with open_processes(command.flags.device) as processes:
            return job(command, processes)
    except GameError as error:
        # One line, also where the reason is a library's that takes several.
        if is_main_process():
            print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
