"""Figures as SVG for the page, and as files for papers."""

import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from llm_game_env.evaluation.report.figures import Figure, Key, Panel
from llm_game_env.evaluation.report.palette import CLASSES, LINE, SERIES, STAGES, TEXT

FORMATS = ("pdf", "png", "svg")
PANELS_ABREAST = 3
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # A dollar sign in the name of a run is none of mathematics.
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": LINE,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "axes.titlesize": 9,
    "svg.fonttype": "none",  # Text stays text: to be read, found and spoken.
    "pdf.fonttype": 42,  # TrueType, as publishers ask for.
}


def panel_svg(figure: Figure, index: int) -> str:
    """One panel as an `<svg>` element without colours, styles or scripts of its own.

    A page whose policy forbids inline styles shows it; ids are unique among a report's figures.
    """
    panel = figure.panels[index]
    prefix = f"{figure.name}-{index}-"
    text = io.BytesIO()
    with rc_context({**_STYLE, "svg.hashsalt": prefix}):
        canvas = Canvas(figsize=panel.size, layout="constrained")
        panel.draw(canvas.add_subplot())
        canvas.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(text.getvalue())
    return _for_the_page(root, prefix, f"{figure.title}: {panel.title}")


def write_figure(figure: Figure, folder: Path, file_format: str) -> list[Path]:
    """Writes a figure with all its panels, and its data as CSV; the paths.

    Args:
        figure: any.
        folder: there already.
        file_format: one of FORMATS.
    """
    drawn, data = folder / f"{figure.name}.{file_format}", folder / f"{figure.name}.csv"
    abreast = min(PANELS_ABREAST, len(figure.panels))
    down = math.ceil(len(figure.panels) / abreast)
    width, height = (max(sizes) for sizes in zip(*(p.size for p in figure.panels), strict=True))
    with rc_context({**_STYLE, "svg.hashsalt": figure.name}):
        canvas = Canvas(figsize=(width * abreast, height * down + 0.4), layout="constrained")
        grid = canvas.subplots(down, abreast, squeeze=False).ravel()
        for axes, panel in zip(grid, figure.panels, strict=False):
            _titled(axes, panel)
        for axes in grid[len(figure.panels) :]:
            axes.set_axis_off()
        if figure.keys:
            handles = [_handle(key) for key in figure.keys]
            canvas.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
        undated = {"Date": None} if file_format == "svg" else {}
        undated |= {"CreationDate": None} if file_format == "pdf" else {}
        canvas.savefig(drawn, format=file_format, dpi=200, metadata=undated)
    data.write_text(figure.data.as_csv(), encoding="utf-8")
    return [drawn, data]


def _titled(axes: Axes, panel: Panel) -> None:
    panel.draw(axes)
    axes.set_title(panel.title)


def _handle(key: Key) -> Line2D | Patch:
    if key.series is None:
        return Patch(color=STAGES[key.stage], label=key.label)
    colour, dashes = SERIES[key.series]
    return Line2D([], [], color=colour, linestyle=dashes, label=key.label)


def _for_the_page(root: ElementTree.Element, prefix: str, label: str) -> str:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        _restyle(element)
        _rename(element, prefix)
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    for name in ("height", "version"):  # The width is for what may be slid sideways.
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": label, "stroke-linejoin": "round"}
    return ElementTree.tostring(root, encoding="unicode")


def _restyle(element: ElementTree.Element) -> None:
    """Turns an inline style into attributes, and the palette's colours into classes."""
    classes: list[str] = []
    # What has no fill of its own is black in SVG; text is the page's.
    if element.tag == f"{{{_SVG}}}text" and "fill" not in element.get("style", ""):
        classes.append("f-text")
    for declaration in filter(None, element.attrib.pop("style", "").split(";")):
        name, value = (part.strip() for part in declaration.split(":", 1))
        if name in ("fill", "stroke") and value in CLASSES:
            classes.append(f"{name[0]}-{CLASSES[value]}")
        elif name == "font":
            element.set("font-size", _font_size(value))
        else:
            element.set(name, value)
    if classes:
        element.set("class", " ".join(classes))


def _rename(element: ElementTree.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", prefix + element.attrib["id"])
    if link := element.attrib.pop(_LINK, None):
        element.set("href", f"#{prefix}{link[1:]}")
    if clip := element.get("clip-path"):
        element.set("clip-path", clip.replace("#", f"#{prefix}"))


def _font_size(font: str) -> str:
    found = re.search(r"[\d.]+px", font)
    return found[0] if found else "9px"


def svg_panels(figure: Figure) -> Sequence[str]:
    """All panels of a figure for the page."""
    return [panel_svg(figure, index) for index in range(len(figure.panels))]
