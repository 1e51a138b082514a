"""How `theory_to_models.py` draws its gaps: three panels side by side."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from theory_to_models_runs import AVERAGE, EXACT, LAST, PSRO, THEORY, Gap

COLOURS = {LAST: "tab:blue", AVERAGE: "tab:orange", PSRO: "tab:green"}


def draw(gaps: Sequence[Gap], path: Path) -> None:
    """One figure, PNG."""
    panels = list(dict.fromkeys(gap.panel for gap in gaps))
    figure = Figure(figsize=(4.4 * len(panels), 3.8), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_panel(axes, panel, [gap for gap in gaps if gap.panel == panel])
    figure.savefig(path, dpi=110)


def draw_panel(axes: Axes, panel: str, gaps: Sequence[Gap]) -> None:
    """A curve a series, with a band between the ends."""
    for series in dict.fromkeys(gap.series for gap in gaps):
        own = [gap for gap in gaps if gap.series == series]
        x, low, high = ([getattr(gap, name) for gap in own] for name in ("x", "low", "high"))
        colour = COLOURS.get(series, "black")
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        mark = "" if len(own) > 20 else "o" if series in COLOURS else "v"
        axes.plot(x, middle, color=colour, marker=mark, markersize=4, label=series)
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_title(panel, fontsize="medium")
    if panel == THEORY:
        axes.set(xscale="log", yscale="log", xlabel="iteration", ylabel="Nash gap")
    else:
        label = "Nash gap" if panel == EXACT else "attack success"
        axes.set(xlabel="updates of the defender", ylabel=label, ylim=(-0.02, 1.02))
    axes.legend(fontsize="small")
