"""Algorithms by name: the bundled ones, those of installed packages, and any class.

| words | class |
|---|---|
| `gpo`, `psro`, … | a bundled one, see `bundled` |
| a name | of the entry-point group `llm_game_env.algorithms` |
| `package.module:Class` | importable, from the working folder too |
| `folder/file.py:Class` | in a file |
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from llm_game_agents.bench.bundled import BUNDLED, bundled
from llm_game_agents.bench.protocol import Algorithm
from llm_game_env.errors import ConfigurationError

GROUP = "llm_game_env.algorithms"


def registered() -> list[str]:
    """The names there are, bundled ones first."""
    others = sorted({point.name for point in entry_points(group=GROUP)} - set(BUNDLED))
    return [*BUNDLED, *others]


def find_algorithm(words: str) -> Callable[[], Algorithm]:
    """What makes the algorithm anew, without arguments.

    Raises:
        ConfigurationError: there is none of that name, it cannot be imported, or it has not the two
            methods.
    """
    if words in BUNDLED:
        return partial(bundled, words)
    made = _imported(words) if ":" in words else _installed(words)
    missing = [name for name in ("train", "players") if not callable(getattr(made, name, None))]
    if missing or not callable(made):
        raise ConfigurationError(
            f"algorithm={words!r} has no {' and no '.join(missing) or 'class'}; an entry is a "
            "class with train(task) and players(), see llm_game_agents.bench.Algorithm"
        )
    return made


def short_name(words: str) -> str:
    """What stands in the table: of a class its name."""
    return words.rpartition(":")[2]


def _installed(name: str) -> Callable[[], Algorithm]:
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise ConfigurationError(
            f"there is no algorithm {name!r}; choose from {', '.join(registered())}, or give "
            "package.module:Class or file.py:Class"
        )
    return found[0].load()


def _imported(words: str) -> Callable[[], Algorithm]:
    where, _, name = words.rpartition(":")
    folder, module = Path.cwd(), where
    if where.endswith(".py"):
        path = Path(where).resolve()
        folder, module = path.parent, path.stem
    # First, as it is for a program that is started from there.
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"algorithm={words!r} cannot be imported ({error}); give package.module:Class or "
            "file.py:Class"
        ) from error
