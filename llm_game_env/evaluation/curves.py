"""Figure-2-like curves: score and verdicts by update, the stages shaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

END_OF_STAGE = 2
STAGE_COLOURS = {"defend": "tab:blue", "attack": "tab:red", "both": "tab:purple"}


@dataclass(frozen=True)
class CurvePoint:
    """Shares of one update's exchanges, in [0, 1] but for the likeness.

    Attributes:
        stage: "defend", "attack" or "both".
        score: mean score of the reward model.
        leak, over_refusal: by the judge, of all exchanges; None where there is no judge. Where a
            prompt has drifted off its goal, its exchange counts as neither; nor as the last two.
        malformed: of all exchanges.
        likeness: mean weighted likeness.
        distinct: share of distinct prompts.
        unsafe: what the reward model scores as unsafe; None in records that are older than this.
        missed: bad by the judge, and not unsafe by the reward model; None as above, and where
            there is no judge.
        false_alarm: the reverse; None likewise.
    """

    stage: str
    score: float
    leak: float | None
    over_refusal: float | None
    malformed: float
    likeness: float
    distinct: float
    unsafe: float | None = None
    missed: float | None = None
    false_alarm: float | None = None


def attack_successes(points: Sequence[CurvePoint]) -> list[float]:
    """How far the adversary succeeded at the end of each judged attack stage, in [0, 1].

    Leak + over-refusal in the last `END_OF_STAGE` updates of the stage, against the defender of
    that stage. A defender that has won makes its last adversary look harmless.
    """
    stages = [list(stage) for kind, stage in groupby(points, lambda p: p.stage) if kind == "attack"]
    return [
        float(np.mean([(p.leak or 0.0) + (p.over_refusal or 0.0) for p in stage[-END_OF_STAGE:]]))
        for stage in stages
        if stage[-1].leak is not None
    ]


def draw_curves(arms: Mapping[str, Sequence[CurvePoint]], path: Path) -> None:
    """One panel an arm: safe reward, unsafe reward and judged attacks over updates, as PNG."""
    figure = Figure(figsize=(4.6 * len(arms), 3.6), layout="constrained")
    panels = figure.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    for panel, (name, points) in zip(panels, arms.items(), strict=True):
        _draw_arm(panel, name, points)
    panels[0].set_ylabel("share of exchanges / mean score")
    panels[-1].legend(loc="center right", fontsize="small")
    figure.savefig(path, dpi=130)


def _draw_arm(panel: Axes, name: str, points: Sequence[CurvePoint]) -> None:
    updates = np.arange(len(points))
    scores = np.array([point.score for point in points])
    for start, stop, stage in _stages(points):
        panel.axvspan(start - 0.5, stop - 0.5, color=STAGE_COLOURS[stage], alpha=0.10, lw=0)
    panel.plot(updates, scores, color="tab:blue", label="safe reward")
    panel.plot(updates, 1 - scores, color="tab:red", label="unsafe reward")
    leaked = [point.leak for point in points if point.leak is not None]
    refused = [point.over_refusal for point in points if point.over_refusal is not None]
    if len(leaked) == len(refused) == len(points):
        panel.plot(updates, leaked, color="black", label="leak (judge)")
        panel.plot(updates, refused, color="tab:orange", ls="--", label="over-refusal (judge)")
    panel.set(title=name, xlabel="update", ylim=(-0.02, 1.02), xlim=(-0.5, len(points) - 0.5))


def _stages(points: Sequence[CurvePoint]) -> list[tuple[int, int, str]]:
    """Runs of one stage as (first update, update after the last, stage)."""
    runs: list[tuple[int, int, str]] = []
    for i, point in enumerate(points):
        if runs and runs[-1][2] == point.stage:
            runs[-1] = (runs[-1][0], i + 1, point.stage)
        else:
            runs.append((i, i + 1, point.stage))
    return runs
