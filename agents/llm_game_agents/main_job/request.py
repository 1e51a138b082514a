"""What the command line of the main job asks for; of a resumed run, what it was started with."""

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from llm_game_agents.main_job.flags import (
    RunFlags,
    add_flags,
    as_flag,
    of_the_other_mode,
    read_flags,
)
from llm_game_agents.main_job.knob_flags import Learning, add_knobs, knob_names, read_learning
from llm_game_agents.main_job.run_folder import flags_of
from llm_game_env import ConfigurationError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class Request(NamedTuple):
    """One run.

    Attributes:
        flags: see `RunFlags`.
        learning: how both players learn; the demo has arms instead.
        given: the flags that were given, now or when the run was started, by name.
    """

    flags: RunFlags
    learning: Learning
    given: dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All flags; a namespace will hold those that were given, and no others."""
    parser.usage = "%(prog)s [flags]"
    parser.argument_default = argparse.SUPPRESS
    add_flags(parser, RunFlags)
    add_knobs(parser)


def read_request(given: Mapping[str, Any]) -> Request:
    """What the flags ask for.

    Args:
        given: those that the command line has, by name.

    Raises:
        ConfigurationError: a flag is out of range or of the other mode, or a run that is to be
            resumed was started with another one.
    """
    given = dict(given)
    started = flags_of(Path(given["resume"])) if given.get("resume") else None
    if started is None:
        return _request(given)
    _refuse_changes(started, given)
    return _request({**started, **given})


def _request(given: dict[str, Any]) -> Request:
    flags = read_flags(given, RunFlags)
    for name in knob_names():
        if name in given and not flags.names_own_models:
            raise of_the_other_mode(name, "own models")
    return Request(flags, read_learning(given), given)


def _refuse_changes(started: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    changeable = {item.name for item in fields(RunFlags) if item.metadata["may_change"]}
    before = _request({**started})
    for name, value in given.items():
        after = _request({**started, name: value})
        same = (after.flags, after.learning) == (before.flags, before.learning)
        if name not in changeable and not same:
            raise ConfigurationError(
                f"{as_flag(name)} {value} is not what {given['resume']} was started with; leave "
                "it out, or start another run"
            )
