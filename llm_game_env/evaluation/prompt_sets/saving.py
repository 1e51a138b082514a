"""A report as files: `report.json` for programs, `report.md` for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from llm_game_env.errors import TrainingError
from llm_game_env.evaluation.prompt_sets.report import PromptSetReport
from llm_game_env.evaluation.prompt_sets.table import as_markdown
from llm_game_env.evaluation.results import provenance


def save_report(report: PromptSetReport, folder: Path) -> None:
    """Writes both files; the JSON has versions and machine, too.

    Raises:
        TrainingError: they cannot be written.
    """
    text = json.dumps(as_record(report), indent=1, allow_nan=False, ensure_ascii=False)
    try:
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        (folder / "report.md").write_text(as_markdown(report), encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"the report cannot be written to {str(folder)!r} ({error}); free some space, then run "
            "again: answers and verdicts are kept"
        ) from error


def as_record(report: PromptSetReport) -> dict[str, Any]:
    """All of it as JSON has it; a number that is none is null."""
    agreement = [
        {**asdict(one), "share": one.share, "kappa": one.kappa} for one in report.agreement
    ]
    return _plain({**asdict(report), "agreement": agreement, **provenance()})


def _plain(value: Any) -> Any:
    """Intervals as objects, so that a reader of the file need not know their order."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
