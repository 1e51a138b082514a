"""The command line: `llm-game COMMAND`, or `python -m llm_game_env.cli COMMAND`.

A command is a module that the table in `commands` names, with

    SUMMARY: str                                     what it does, above its own flags
    add_arguments(parser: argparse.ArgumentParser)   its flags
    run(arguments: argparse.Namespace) -> int        does it; returns the exit status

The module is imported when its command is called, and no earlier. A `GameError` that `run` raises
becomes one line; see `frame`.
"""

from llm_game_env.cli.frame import main

__all__ = ["main"]
