"""The folder of a run, and the flags that it was started with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_game_agents.checkpoint_store import Found
from llm_game_agents.saved_run import writing
from llm_game_env import ConfigurationError

FLAGS_FILE = "flags.json"


def fresh_folder(wanted: str, given: Mapping[str, Any]) -> Path:
    """The folder, or the first of folder-2, folder-3 … that does not exist; made.

    Args:
        wanted: the folder.
        given: flags of the command line, which are kept in it.
    """
    path, number = Path(wanted), 1
    while path.exists():
        number += 1
        path = Path(f"{wanted}-{number}")
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(
            f"the run folder {str(path)!r} cannot be made ({error}); give another one as --out"
        ) from error
    with writing(path):
        # Where it lies is not part of what it is.
        record = {name: value for name, value in given.items() if name not in ("out", "resume")}
        (path / FLAGS_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def flags_of(path: Path) -> dict[str, Any] | None:
    """The flags that a run was started with; None where they are not known.

    Args:
        path: the run's folder, or that of one of its checkpoints.
    """
    for folder in (path, path.resolve().parent.parent):
        if (folder / FLAGS_FILE).exists():
            return json.loads((folder / FLAGS_FILE).read_text(encoding="utf-8"))
    return None


def say_where_it_goes_on(found: Found) -> None:
    """Prints it, and which newer checkpoints cannot be used."""
    for damaged, problem in found.damaged.items():
        print(f"{damaged} cannot be used: {problem}")
    print(f"going on from {found.path}")
