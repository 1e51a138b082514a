"""Numbers by arm, metric and build: as Markdown with intervals, as JSON, and compared in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatekeeper_study.records import write_record
from llm_game_env.evaluation.intervals import Interval, mean_interval, paired_interval
from llm_game_env.evaluation.results import provenance


@dataclass(frozen=True)
class Table:
    """What was measured of each arm on each build.

    Attributes:
        title: of the table.
        metrics: names of the columns.
        values: by arm float [builds, metrics]; NaN where an arm has no such number.
    """

    title: str
    metrics: tuple[str, ...]
    values: Mapping[str, np.ndarray]

    def of(self, arm: str, metric: str) -> np.ndarray:
        """One number on every build, float [builds]."""
        return self.values[arm][:, self.metrics.index(metric)]

    def difference(self, higher: str, lower: str, metric: str) -> Interval:
        """Of one arm's number above another's, over builds."""
        pair = (self.of(arm, metric).tolist() for arm in (higher, lower))
        return paired_interval(*pair)

    def lines(self) -> list[str]:
        """Markdown: a row an arm, a column a metric, in per cent; a dash where there is none."""
        lines = [f"## {self.title}", "", "| arm | " + " | ".join(self.metrics) + " |"]
        lines.append("|---" * (len(self.metrics) + 1) + "|")
        for arm, values in self.values.items():
            cells = [
                "–" if np.isnan(column).any() else shown(mean_interval(column.tolist()))
                for column in values.T
            ]
            lines.append(f"| {arm} | " + " | ".join(cells) + " |")
        return [*lines, ""]

    def as_record(self) -> dict[str, object]:
        """Plain values, by arm, metric and build."""
        numbers = {
            arm: {
                metric: [None if np.isnan(value) else value for value in column]
                for metric, column in zip(self.metrics, values.T.tolist(), strict=True)
            }
            for arm, values in self.values.items()
        }
        return {"title": self.title, "arms": numbers}


def make_table(
    title: str, rows: Mapping[str, Sequence[Mapping[str, float]]], metrics: Sequence[str]
) -> Table:
    """A table of some metrics, in their order, from one record of them a build."""
    values = {
        arm: np.array([[record[name] for name in metrics] for record in records], dtype=float)
        for arm, records in rows.items()
    }
    return Table(title, tuple(metrics), values)


def shown(interval: Interval) -> str:
    """A share with its interval, in per cent."""
    mean, low, high = (100 * value for value in interval)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]" if interval.is_known else f"{mean:.1f}"


def write_page(path: Path, lines: Sequence[str], tables: Sequence[Table], command: str) -> None:
    """Writes a page as Markdown, and its tables' numbers as JSON beside it.

    Args:
        path: of the Markdown page.
        lines: the page without its end, which says where it comes from.
        tables: that it shows.
        command: that makes the page, as `--only` takes it.
    """
    found = provenance()
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    end = (
        f"Made by `python examples/study.py --only {command}` on {found['machine']['processor']}, "
        f"{found['machine']['system']}: {versions}."
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, end]) + "\n", encoding="utf-8")
    record = {**found, "tables": [table.as_record() for table in tables]}
    write_record(path.with_suffix(".json"), record)
