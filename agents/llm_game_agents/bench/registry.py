"""Algorithms by name: the bundled ones, those of installed packages, and any class.

| words | class |
|---|---|
| `gpo`, `psro`, … | a bundled one, see `bundled` |
| a name | of the entry-point group `llm_game_env.algorithms` |
| `package.module:Class` | importable, from the working folder too |
| `folder/file.py:Class` | in a file |
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path

from llm_game_agents.bench.bundled import BUNDLED, bundled
from llm_game_agents.bench.importing import imported, one_line
from llm_game_agents.bench.protocol import Algorithm
from llm_game_env.errors import ConfigurationError

GROUP = "llm_game_env.algorithms"


def registered() -> list[str]:
    """The names there are, bundled ones first."""
    return [*BUNDLED, *sorted(_installed_names() - set(BUNDLED))]


def hidden() -> list[str]:
    """Names of installed entries that are those of bundled ones, and so find the latter."""
    return sorted(_installed_names() & set(BUNDLED))


def settled(words: str) -> str:
    """One spelling of what names a class in a file: from the working folder on, if it is below."""
    where, colon, name = words.rpartition(":")
    if not where.endswith(".py"):
        return words
    path, here = Path(where).resolve(), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}{colon}{name}"


def find_algorithm(words: str) -> Callable[[], Algorithm]:
    """What makes the algorithm anew, without arguments.

    Raises:
        ConfigurationError: there is none of that name, it cannot be imported, or it has not the two
            methods.
    """
    if words in BUNDLED:
        return partial(bundled, words)
    made = imported(words) if ":" in words else _installed(words)
    _check_entry(words, made)
    return made


def code_of(words: str) -> str:
    """A digest of the file that an entry's class is in; "" for a bundled one.

    Raises:
        ConfigurationError: there is no such entry.
    """
    if words in BUNDLED:
        return ""
    try:
        file = inspect.getsourcefile(inspect.unwrap(find_algorithm(words)))
        return sha256(Path(file or "").read_bytes()).hexdigest()[:16]
    except (OSError, TypeError):  # It was not made from a file.
        return ""


def short_name(words: str) -> str:
    """What stands in the table: of a class its name."""
    return words.rpartition(":")[2]


def row_names(entries: Iterable[str]) -> dict[str, str]:
    """What stands in the table for each: its short name, or all its words where others share it."""
    entries = set(entries)
    bearers = Counter(short_name(words) for words in entries)
    return {
        words: short_name(words) if bearers[short_name(words)] == 1 else words for words in entries
    }


def _check_entry(words: str, made: object) -> None:
    missing = [name for name in ("train", "players") if not callable(getattr(made, name, None))]
    if missing or not callable(made):
        raise ConfigurationError(
            f"algorithm={words!r} has no {' and no '.join(missing) or 'class'}; an entry is a "
            "class with train(task) and players(), see llm_game_agents.bench.Algorithm"
        )
    try:
        inspect.signature(made).bind()
    except ValueError:  # It has no signature that could be read.
        return
    except TypeError as error:
        raise ConfigurationError(
            f"algorithm={words!r} cannot be made without arguments ({error}); give them defaults, "
            "or enter a class for each of their values"
        ) from error


def _installed_names() -> set[str]:
    return {point.name for point in entry_points(group=GROUP)}


def _installed(name: str) -> Callable[[], Algorithm]:
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise ConfigurationError(
            f"there is no algorithm {name!r}; choose from {', '.join(registered())}, or give "
            "package.module:Class or file.py:Class"
        )
    try:
        return found[0].load()
    except Exception as error:  # An entry is anybody's code.
        raise ConfigurationError(
            f"algorithm={name!r} cannot be imported from {found[0].value!r} ({one_line(error)}); "
            "mend or remove the package that registers it"
        ) from error
