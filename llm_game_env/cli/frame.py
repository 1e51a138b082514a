"""What all commands share: the overview, one-line errors, exit statuses.

| status | when |
|---|---|
| 0 | the command did what it was asked for |
| 2 | something that the caller can put right; one line on standard error says what |
| 130 | Ctrl-C, as shells have it |
| 141 | the reader of a pipe has gone, as shells have it |
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from llm_game_env.cli.commands import COMMANDS, Command, find_command
from llm_game_env.errors import ConfigurationError, GameError

PROGRAM = "llm-game"
WRONG, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


class OneLineParser(argparse.ArgumentParser):
    """Raises what is wrong with the words, where argparse would print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raises a ConfigurationError that names the help."""
        raise ConfigurationError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after the program's name; the process's own by default.

    Returns:
        The exit status, see the module.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _make_streams_lenient()
    try:
        status = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # Here, where a broken pipe can still be caught.
    except GameError as error:
        # One line, also where the reason is a library's that takes several.
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        if sys.stdout is not None:  # Python flushes it once more as it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status


def _run(words: Sequence[str]) -> int:
    if not words:
        print(_overview())
        return WRONG
    command = find_command(words[0])
    if command is None:
        return _without_command(words[0])
    module = import_module(command.module)
    parser = OneLineParser(
        prog=f"{PROGRAM} {command.name}",
        description=module.SUMMARY,
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    try:
        arguments = parser.parse_args(words[1:])
    except SystemExit as end:  # --help
        return int(end.code or 0)
    return module.run(arguments)


def _without_command(word: str) -> int:
    if word in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if word == "--version":
        print(PROGRAM, version("llm-game-env"))
        return 0
    names = [command.name for command in COMMANDS]
    close = get_close_matches(word, names, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    raise ConfigurationError(
        f"there is no command {word!r}; {meant}the commands are {', '.join(names)}; "
        f"see {PROGRAM} --help"
    )


def _overview() -> str:
    """All commands, each with an example."""
    lines = [
        f"usage: {PROGRAM} COMMAND …",
        "",
        "Alignment as a game of two language models: an adversary writes prompts, a defender",
        "answers them, a reward model scores the exchange. Everything can be tried on the built-in",
        "world, without a download or a GPU.",
    ]
    for command in COMMANDS:
        lines += ["", *_entry(command)]
    lines += [
        "",
        f"`{PROGRAM} COMMAND --help` lists a command's flags, `{PROGRAM} --version` the version.",
    ]
    return "\n".join(lines)


def _entry(command: Command) -> list[str]:
    return [f"  {command.name:<10} {command.summary}", f"  {'':<10}   $ {command.example}"]


def _make_streams_lenient() -> None:
    """Text that the terminal has no letters for is printed as an escape, and read as "�"."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdin else "backslashreplace")
