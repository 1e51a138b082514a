"""Classes by `package.module:Class` or `folder/file.py:Class`: anybody's code."""

import inspect
import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from llm_game_env.errors import ConfigurationError


def imported(words: str) -> Any:
    """What the words name; a file is run once, however often it is asked for.

    Raises:
        ConfigurationError: there is no such file, module or name in it, or it cannot be run.
    """
    where, _, name = words.rpartition(":")
    is_file = where.endswith(".py")
    folder = Path(where).resolve().parent if is_file else Path.cwd()
    # First, as it is for a program that is started from there.
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if is_file and not Path(where).is_file():
        raise ConfigurationError(
            f"algorithm={words!r} cannot be imported: there is no file "
            f"{str(Path(where).resolve())!r}"
        )
    try:
        module = _file_module(where) if is_file else import_module(where)
    except Exception as error:  # An entry is anybody's code.
        raise ConfigurationError(
            f"algorithm={words!r} cannot be imported ({one_line(error)}); "
            + (
                "mend its file"
                if is_file
                else "a module is looked for in the working folder and on PYTHONPATH; of a file "
                "elsewhere give folder/file.py:Class"
            )
        ) from error
    if not hasattr(module, name):
        classes = [
            item
            for item, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__
        ]
        raise ConfigurationError(
            f"algorithm={words!r} cannot be imported: {where} has no {name!r}; its classes are "
            f"{', '.join(classes) or 'none'}"
        )
    return getattr(module, name)


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


def one_line(error: Exception) -> str:
    """Kind and message."""
    return " ".join(f"{type(error).__name__}: {error}".split())
