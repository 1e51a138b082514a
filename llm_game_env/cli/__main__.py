"""`python -m llm_game_env.cli` is `llm-game`."""

import sys

from llm_game_env.cli.frame import main

sys.exit(main())
