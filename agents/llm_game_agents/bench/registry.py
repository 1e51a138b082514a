"""Algorithms by name: the bundled ones, those of installed packages, and any class.

| words | class |
|---|---|
| `gpo`, `psro`, … | a bundled one, see `bundled` |
| a name | of the entry-point group `llm_game_env.algorithms` |
| `package.module:Class` | importable, from the working folder too |
| `folder/file.py:Class` | in a file |
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

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


def row_names(entries: Iterable[str]) -> dict[str, str]:
    """What stands in the table for each: its short name, or all its words where others share it."""
    entries = set(entries)
    bearers = Counter(short_name(words) for words in entries)
    return {
        words: short_name(words) if bearers[short_name(words)] == 1 else words for words in entries
    }


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
            f"algorithm={name!r} cannot be imported from {found[0].value!r} ({_one_line(error)}); "
            "mend or remove the package that registers it"
        ) from error


def _imported(words: str) -> Callable[[], Algorithm]:
    where, _, name = words.rpartition(":")
    is_file = where.endswith(".py")
    folder = Path(where).resolve().parent if is_file else Path.cwd()
    # First, as it is for a program that is started from there.
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return getattr(_file_module(where) if is_file else import_module(where), name)
    except Exception as error:  # An entry is anybody's code.
        raise ConfigurationError(
            f"algorithm={words!r} cannot be imported ({_one_line(error)}); give "
            "package.module:Class or file.py:Class"
        ) from error


def _file_module(where: str) -> ModuleType:
    """The module in a file; files of equal names are modules of their own."""
    path = Path(where).resolve()
    name = f"{path.stem}_{sha256(str(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{str(path)!r} is no Python file")
    module = module_from_spec(spec)
    # Before it is run, as `import` does it: dataclasses and pickle look their module up.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
