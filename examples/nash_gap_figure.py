"""How `nash_gap.py` draws its points: three rows of three panels."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nash_gap_curves import Point
from PIL import Image

LEAST_GAP = 1e-6  # Below it the curves say no more.
COLOURS = {
    "mirror descent (GPO)": "tab:blue",
    "its bound": "tab:blue",
    "entropy-regularised": "tab:orange",
    "optimistic": "tab:green",
    "bound of optimistic": "tab:green",
    "magnetic": "tab:red",
    "magnetic, moved": "tab:purple",
}


def draw(points: list[Point], path: Path) -> None:
    """One figure, PNG."""
    panels = list(dict.fromkeys(point.panel for point in points))
    order = [
        *(panel for panel in panels if panel.startswith("the paper's")),
        *(panel for panel in panels if panel.startswith("the simultaneous")),
        *(panel for panel in panels if not panel.startswith(("the paper's", "the simultaneous"))),
    ]
    figure = Figure(figsize=(12.5, 11), layout="constrained")
    for axes, panel in zip(figure.subplots(3, 3).flat, order, strict=True):
        draw_panel(axes, panel, [point for point in points if point.panel == panel])
    figure.savefig(path, dpi=80)
    with Image.open(path) as image:  # Few colours make a third of the file.
        few = image.convert("RGB").quantize(64)
    few.save(path, optimize=True)


def draw_panel(axes: Axes, panel: str, points: list[Point]) -> None:
    """All series of one panel."""
    for series in dict.fromkeys(point.series for point in points):
        x, y = zip(*((point.x, point.y) for point in points if point.series == series), strict=True)
        style = "--" if "bound" in series else "-"
        marker = "*" if series == "equilibrium" else "." if "horizon" in panel else ""
        colour = COLOURS.get(series)
        axes.plot(x, y, style, marker=marker, color=colour, label=series, linewidth=1.2)
    axes.set_title(panel, fontsize="medium")
    axes.legend(fontsize="x-small", loc="upper right" if "regularised" in panel else "best")
    if "pennies" in panel:
        axes.set(xlabel="μ of the first prompt", ylabel="π of the first response")
        return
    axes.set(xscale="log", xlabel="horizon" if "horizon" in panel else "iteration")
    if "prompts" in panel:
        axes.set(ylabel="median of the games")
    else:
        axes.set(yscale="log", ylabel="Nash gap, worst game")
        axes.set_ylim(bottom=max(LEAST_GAP, min(point.y for point in points) / 2))
