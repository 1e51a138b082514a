"""The main job: GPO co-trains an adversary and a defender.

    python examples/train_gpo.py                 the arms of the demo, on the built-in world
    python examples/train_gpo.py --adversary A --defender D --reward-model R --seed-prompts FILE
                                                 GPO on your own models
        … --dry-run                              the memory that such a run would need
    python examples/train_gpo.py --resume RUN    either, from where it was stopped

Everything is written below one run folder, which is printed at the end. Where the package is
installed, `llm-game train` is the same; what it does is in `llm_game_agents.main_job`.
"""

import sys

from llm_game_env.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
