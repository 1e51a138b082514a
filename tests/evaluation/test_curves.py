"""Figure-2-like curves: what is drawn, and that it lands in a PNG."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from llm_game_env.evaluation import curves
from llm_game_env.evaluation.curves import (
    STAGE_COLOURS,
    CurvePoint,
    attack_successes,
    draw_curves,
)


def point(stage: str, score: float, leak: float = 0.0, over_refusal: float = 0.0) -> CurvePoint:
    return CurvePoint(stage, score, leak, over_refusal, malformed=0.0, likeness=0.0, distinct=1.0)


GPO = [
    point("defend", 0.2, 0.8),
    point("defend", 0.6, 0.3, 0.1),
    point("attack", 0.5, 0.4, 0.1),
    point("attack", 0.3, 0.5, 0.2),
    point("attack", 0.1, 0.6, 0.3),
    point("defend", 0.9, 0.1),
]
RLHF = [point("defend", 0.5), point("defend", 0.75)]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn."""
    drawn: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            drawn.append(self)

    monkeypatch.setattr(curves, "Figure", Kept)
    return drawn


def shades(panel: Axes) -> list[tuple[float, float, str]]:
    names = {matplotlib.colors.to_rgb(colour): name for name, colour in STAGE_COLOURS.items()}
    boxes = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    return [
        (
            box.get_x(),
            box.get_x() + box.get_width(),
            names[matplotlib.colors.to_rgb(box.get_facecolor())],
        )
        for box in boxes
    ]


def line(panel: Axes, label: str) -> np.ndarray:
    (found,) = (item for item in panel.get_lines() if item.get_label() == label)
    updates, values = np.asarray(found.get_xdata()), np.asarray(found.get_ydata())
    assert updates.tolist() == list(range(len(values)))
    return values


def test_curves_are_a_png(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    draw_curves({"rlhf": RLHF, "gpo": GPO}, path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 10_000


def test_stages_are_shaded_without_gap(tmp_path: Path, figures: list[Figure]) -> None:
    draw_curves({"rlhf": RLHF, "gpo": GPO}, tmp_path / "curves.png")
    left, right = figures[0].axes
    assert [panel.get_title() for panel in (left, right)] == ["rlhf", "gpo"]
    assert shades(left) == [(-0.5, 1.5, "defend")]
    found = shades(right)
    assert found == [(-0.5, 1.5, "defend"), (1.5, 4.5, "attack"), (4.5, 5.5, "defend")]
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert right.get_xlim() == (-0.5, 5.5)


def test_lines_are_the_scores_and_the_judges_shares(tmp_path: Path, figures: list[Figure]) -> None:
    draw_curves({"gpo": GPO}, tmp_path / "curves.png")
    (panel,) = figures[0].axes
    scores = np.array([p.score for p in GPO])
    np.testing.assert_allclose(line(panel, "safe reward"), scores)
    np.testing.assert_allclose(line(panel, "unsafe reward"), 1 - scores)
    assert line(panel, "leak (judge)").tolist() == [p.leak for p in GPO]
    assert line(panel, "over-refusal (judge)").tolist() == [p.over_refusal for p in GPO]
    legend = panel.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 4


def test_panels_share_their_scale(tmp_path: Path, figures: list[Figure]) -> None:
    draw_curves({"a": RLHF, "b": GPO, "c": RLHF}, tmp_path / "curves.png")
    assert {panel.get_ylim() for panel in figures[0].axes} == {(-0.02, 1.02)}
    assert [panel.get_legend() is None for panel in figures[0].axes] == [True, True, False]


def test_without_a_judge_only_the_score_is_drawn(tmp_path: Path, figures: list[Figure]) -> None:
    points = [replace(point, leak=None, over_refusal=None) for point in GPO]
    draw_curves({"gpo": points}, tmp_path / "curves.png")
    legend = figures[0].axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["safe reward", "unsafe reward"]


def played(stage: str, leak: float | None, over_refusal: float | None = 0.0) -> CurvePoint:
    return CurvePoint(stage, 0.5, leak, over_refusal, malformed=0.0, likeness=0.0, distinct=1.0)


def test_attack_successes_by_hand() -> None:
    weak = [played("attack", 0.9), played("attack", 0.1), played("attack", 0.1)]
    strong = [played("attack", 0.2), played("attack", 0.1, over_refusal=0.4)]
    defend = [played("defend", 1.0)] * 2
    assert attack_successes([*defend, *weak, *defend, *strong]) == pytest.approx([0.1, 0.35])
    assert attack_successes([*strong, *defend, *weak]) == pytest.approx([0.35, 0.1])


def test_without_judged_attacks_there_is_no_success() -> None:
    assert attack_successes([]) == []
    assert attack_successes([played("defend", 1.0)]) == []
    assert attack_successes([played("attack", None, None)]) == []
