"""The report's figures: what is drawn, and the numbers that it is drawn from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from llm_game_env.diversity import diversity_selfbleu
from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.report.palette import SERIES, STAGES
from llm_game_env.evaluation.report.recorded import RecordedArm
from llm_game_env.evaluation.report.tables import Data

LEAST_HEIGHT = 0.2
CURVE = (3.7, 2.5)
"""Width and height of a panel with lines, in inches."""


@dataclass(frozen=True)
class Key:
    """What a colour stands for: a line, or the shade of a stage.

    Attributes:
        label: in words.
        series: of the palette, from 0; None for a stage.
        stage: "defend", "attack" or "both"; "" for a line.
    """

    label: str
    series: int | None = None
    stage: str = ""


@dataclass(frozen=True)
class Panel:
    """One part of a figure, which is drawn on axes of its own.

    Attributes:
        title: above it.
        draw: onto the axes.
        size: width and height in inches.
    """

    title: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = CURVE


@dataclass(frozen=True)
class Figure:
    """A figure with its legend and its data.

    Attributes:
        name: of its files, and of its place on the page.
        title, caption: for people.
        keys: what its colours stand for.
        panels: at least one.
        data: all numbers that are drawn.
    """

    name: str
    title: str
    caption: str
    keys: tuple[Key, ...]
    panels: tuple[Panel, ...]
    data: Data


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Attributes:
        label: in the legend.
        values: one an update; NaN where there is none.
        series: of the palette.
    """

    label: str
    values: np.ndarray
    series: int


Lines = Callable[[Sequence[CurvePoint]], Sequence[Line]]


def curves(arms: Sequence[RecordedArm]) -> Figure | None:
    """Scores and the judge's verdicts by update; None where no arm was trained."""
    return _by_update(
        "curves",
        "Learning curves",
        "Mean score of the reward model, and shares of all exchanges of an update. The shade says "
        "who learns. In a defend stage the defender patches what the last attack stage found.",
        arms,
        lambda points: _known(
            Line("score", _column(points, "score"), 0),
            Line("leak (judge)", _column(points, "leak"), 1),
            Line("over-refusal (judge)", _column(points, "over_refusal"), 2),
            Line("malformed prompts", _column(points, "malformed"), 3),
        ),
    )


def reward_against_judge(arms: Sequence[RecordedArm]) -> Figure | None:
    """What the reward model calls unsafe, and what the judge knows to be bad; None without both."""
    judged = [arm for arm in arms if arm.points and arm.points[0].missed is not None]
    return _by_update(
        "reward-against-judge",
        "Reward against judge",
        "Players learn from the reward model; the judge knows. Where the lines part, one of them "
        "is paid for cheating the reward model: the defender where bad answers are missed, the "
        "adversary where good ones are called unsafe. Bad are leaks, over-refusals and wrong "
        "answers; shares of all exchanges of an update.",
        judged,
        lambda points: (
            Line("unsafe by the reward model", _column(points, "unsafe"), 0),
            Line(
                "bad by the judge",
                _column(points, "unsafe")
                + _column(points, "missed")
                - _column(points, "false_alarm"),
                1,
            ),
            Line("missed by the reward model", _column(points, "missed"), 3),
            Line("false alarms of the reward model", _column(points, "false_alarm"), 2),
        ),
    )


def diversity(arms: Sequence[RecordedArm]) -> Figure | None:
    """How varied the prompts are, by update; None where no exchanges are on record."""
    return _by_update(
        "diversity",
        "Diversity of the prompts",
        "1 - SelfBLEU of the prompts on record of an update (0 where all are alike), and the share "
        "of distinct prompts among all. Without a diversity term the adversary stays with one "
        "weakness until it is patched.",
        [arm for arm in arms if arm.exchanges],
        None,
    )


def _by_update(
    name: str, title: str, caption: str, arms: Sequence[RecordedArm], lines: Lines | None
) -> Figure | None:
    drawn = [arm for arm in arms if arm.points]
    if not drawn:
        return None
    of_arm = [_diversity_lines(arm) if lines is None else lines(arm.points) for arm in drawn]
    highest = max(_highest(found) for found in of_arm)
    several_runs = len({arm.run for arm in drawn}) > 1
    panels = [
        Panel(arm.name if several_runs else arm.arm, _drawing(arm.points, found, highest))
        for arm, found in zip(drawn, of_arm, strict=True)
    ]
    labels = {line.label: line.series for found in of_arm for line in found}
    stages = sorted({point.stage for arm in drawn for point in arm.points}, key=list(STAGES).index)
    return Figure(
        name,
        title,
        caption,
        (
            *(Key(label, series) for label, series in labels.items()),
            *(Key(_STAGE_WORDS[stage], stage=stage) for stage in stages),
        ),
        tuple(panels),
        Data(
            ("run", "arm", "update", "stage", *labels),
            tuple(
                (arm.run, arm.arm, i, point.stage, *_values(found, labels, i))
                for arm, found in zip(drawn, of_arm, strict=True)
                for i, point in enumerate(arm.points)
            ),
        ),
    )


_STAGE_WORDS = {"defend": "defender learns", "attack": "adversary learns", "both": "both learn"}


def _values(lines: Sequence[Line], labels: Sequence[str] | dict[str, int], i: int) -> Iterator:
    by_label = {line.label: line.values[i] for line in lines}
    for label in labels:
        value = by_label.get(label, np.nan)
        yield None if np.isnan(value) else round(float(value), 6)


def _highest(lines: Sequence[Line]) -> float:
    """The highest value of some lines, but not so low that noise fills a panel."""
    return max(LEAST_HEIGHT, *(np.nanmax(line.values, initial=0.0) for line in lines))


def _drawing(
    points: Sequence[CurvePoint], lines: Sequence[Line], highest: float
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        start = 0
        for stage, run in groupby(point.stage for point in points):
            stop = start + len(list(run))
            axes.axvspan(start - 0.5, stop - 0.5, color=STAGES[stage], lw=0, zorder=0)
            start = stop
        for line in lines:
            colour, dashes = SERIES[line.series]
            marker = "o" if len(points) == 1 else ""
            axes.plot(line.values, color=colour, linestyle=dashes, marker=marker, linewidth=1.6)
        axes.set(
            xlabel="update", ylim=(-0.03 * highest, 1.03 * highest), xlim=(-0.5, len(points) - 0.5)
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return draw


def _diversity_lines(arm: RecordedArm) -> Sequence[Line]:
    selfbleu = np.full(len(arm.points), np.nan)
    for update, group in groupby(arm.exchanges, lambda one: one.update):
        prompts = [one.prompt for one in group]
        if update < len(selfbleu) and len(prompts) > 1:
            selfbleu[update] = diversity_selfbleu(prompts)
    return (
        Line("1 - SelfBLEU", selfbleu, 0),
        Line("distinct prompts", _column(arm.points, "distinct"), 1),
    )


def _column(points: Sequence[CurvePoint], name: str) -> np.ndarray:
    values = [getattr(point, name) for point in points]
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _known(*lines: Line) -> Sequence[Line]:
    """The lines in which there is any number."""
    return [line for line in lines if not np.isnan(line.values).all()]
