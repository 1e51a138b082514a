"""The report: runs side by side in one page of HTML that needs nothing but itself."""

from llm_game_env.evaluation.report.page import write_figures, write_report
from llm_game_env.evaluation.report.recorded import RecordedArm, RecordedRun, read_runs

__all__ = ["RecordedArm", "RecordedRun", "read_runs", "write_figures", "write_report"]
