"""The main job: GPO co-trains an adversary and a defender.

    python examples/train_gpo.py                 the arms of the demo, on the built-in world
    python examples/train_gpo.py --adversary A --defender D --reward-model R --seed-prompts FILE
                                                 GPO on your own models
    accelerate launch … examples/train_gpo.py …  either of them in several processes

Everything is written below one run folder, which is printed at the end.
"""

import argparse
import sys

import demo
import own_models
import torch
from flags import RunFlags, add_flags, read_flags
from transformers.utils import logging

from llm_game_agents.processes import is_main_process, open_processes
from llm_game_env import GameError


def main() -> int:
    """Reads the command line, runs the demo or one's own models; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser, RunFlags)
    arguments = parser.parse_args()
    # Its bars for loading and saving weights would break up the run's own.
    logging.disable_progress_bar()
    try:
        flags = read_flags(arguments, RunFlags)
        torch.set_num_threads(flags.threads)
        job = own_models.run if flags.names_own_models else demo.run
        with open_processes(flags.device) as processes:
            return job(flags, processes)
    except GameError as error:
        # One line, also where the reason is a library's that takes several.
        if is_main_process():
            print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
