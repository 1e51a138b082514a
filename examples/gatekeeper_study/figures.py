"""The study's figures, each with its data as CSV: the frontier, and the paper's Figure 2."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatekeeper_study.plan import TUNED_RUNS
from gatekeeper_study.records import FinishedRun
from gatekeeper_study.tuning import Validated
from llm_game_env.evaluation.curves import STAGE_COLOURS, CurvePoint
from llm_game_env.evaluation.intervals import Interval, mean_interval

SAFE, UNSAFE = "safe reward", "unsafe reward"
LEAK, REFUSED = "ASR (judge)", "over-refusal (judge)"
COLOURS = {SAFE: "tab:blue", UNSAFE: "tab:red", LEAK: "black", REFUSED: "tab:orange"}


@dataclass(frozen=True)
class Line:
    """A quantity over something, with its interval over builds.

    Attributes:
        name: of the quantity.
        x: float [N], what it is drawn over.
        y: its mean and interval at each.
    """

    name: str
    x: Sequence[float]
    y: Sequence[Interval]


def draw_line(axes: Axes, line: Line, colour: str) -> None:
    """The mean as a line, the interval as a band."""
    mean, low, high = np.array(line.y).T
    axes.plot(line.x, mean, color=colour, label=line.name)
    axes.fill_between(line.x, low, high, color=colour, alpha=0.15, lw=0)


def save_figure(figure: Figure, path: Path, *, pdf: bool) -> None:
    """Writes a figure as PNG, and as PDF beside it where that is asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    if pdf:
        figure.savefig(path.with_suffix(".pdf"))


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a figure's data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def draw_figure_2(
    runs: Mapping[str, Sequence[FinishedRun]],
    intensities: Mapping[str, int],
    results: Path,
    *,
    pdf: bool,
) -> None:
    """A panel an intensity of the diversity: rewards and judged attacks by update, stages shaded.

    Args:
        runs: of each arm, one a build.
        intensities: by arm.
        results: for figure2.png, figure2.csv and, with `pdf`, figure2.pdf.
        pdf: whether that is written.
    """
    figure = Figure(figsize=(4.0 * len(intensities), 3.6), layout="constrained")
    panels = figure.subplots(1, len(intensities), sharey=True, squeeze=False)[0]
    rows: list[Sequence[object]] = []
    for panel, (arm, intensity) in zip(panels, intensities.items(), strict=True):
        stages = [point.stage for point in runs[arm][0].curves]
        _shade(panel, stages)
        for line in _curves([run.curves for run in runs[arm]]):
            draw_line(panel, line, COLOURS[line.name])
            rows += [
                (arm, intensity, update, stage, line.name, *interval)
                for update, stage, interval in zip(line.x, stages, line.y, strict=True)
            ]
        panel.set(title=f"diversity {intensity}", xlabel="update")
        panel.set(ylim=(-0.02, 1.02), xlim=(-0.5, len(stages) - 0.5))
    panels[0].set_ylabel("share of exchanges / mean score")
    panels[-1].legend(loc="center right", fontsize="small")
    save_figure(figure, results / "figure2.png", pdf=pdf)
    columns = ("arm", "diversity", "update", "stage", "quantity", "mean", "low", "high")
    write_csv(results / "figure2.csv", columns, rows)


def _curves(runs: Sequence[Sequence[CurvePoint]]) -> list[Line]:
    """Mean over builds of what one update's exchanges were like."""
    quantities = {
        SAFE: [[point.score for point in run] for run in runs],
        UNSAFE: [[1 - point.score for point in run] for run in runs],
        LEAK: [[point.leak or 0.0 for point in run] for run in runs],
        REFUSED: [[point.over_refusal or 0.0 for point in run] for run in runs],
    }
    return [
        Line(
            name,
            range(len(runs[0])),
            [mean_interval(at_update) for at_update in zip(*values, strict=True)],
        )
        for name, values in quantities.items()
    ]


def _shade(panel: Axes, stages: Sequence[str]) -> None:
    start = 0
    for stage, updates in groupby(stages):
        stop = start + len(list(updates))
        panel.axvspan(start - 0.5, stop - 0.5, color=STAGE_COLOURS[stage], alpha=0.10, lw=0)
        start = stop


def draw_frontier(tuning: Sequence[Validated], results: Path, *, pdf: bool) -> None:
    """ASR against utility on H's validation part: every point of the grid, and the frontier."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    rows: list[Sequence[object]] = []
    for number, arm in enumerate(TUNED_RUNS):
        points = [(row.leak, row.helpful) for row in tuning if row.arm == arm]
        best = frontier(points)
        axes.scatter(*zip(*points, strict=True), color=f"C{number}", s=16, alpha=0.5)
        axes.plot(*zip(*best, strict=True), color=f"C{number}", marker="o", ms=4, label=arm)
        rows += [(arm, *point, point in best) for point in points]
    axes.set(xlabel="ASR on H (judge, validation part)", xlim=(-0.02, 1.02))
    axes.set(ylabel="utility: helpful on H (judge, validation part)", ylim=(-0.02, 1.02))
    axes.legend(fontsize="small", title="frontier of")
    save_figure(figure, results / "frontier.png", pdf=pdf)
    write_csv(results / "frontier.csv", ("arm", "asr", "utility", "on_frontier"), rows)


def frontier(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (ASR, utility) points that no other beats: no less ASR with more utility; by ASR."""
    best: list[tuple[float, float]] = []
    for asr, utility in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not best or utility > best[-1][1]:
            best.append((asr, utility))
    return best
