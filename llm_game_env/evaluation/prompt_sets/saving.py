"""A report as files: `report.json` for programs, `report.md` for people."""

from pathlib import Path

from llm_game_env.errors import TrainingError
from llm_game_env.evaluation.as_json import as_json
from llm_game_env.evaluation.prompt_sets.report import PromptSetReport
from llm_game_env.evaluation.prompt_sets.table import as_markdown


def save_report(report: PromptSetReport, folder: Path) -> None:
    """Writes both files; the JSON has versions and machine, too.

    Raises:
        TrainingError: they cannot be written.
    """
    try:
        (folder / "report.json").write_text(as_json(report) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(as_markdown(report), encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"the report cannot be written to {str(folder)!r} ({error}); free some space, then run "
            "again: answers and verdicts are kept"
        ) from error
