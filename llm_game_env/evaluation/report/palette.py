"""Colours of the figures: fixed on paper, names of CSS classes on the page.

On the page a figure has no colours of its own: each is a class, which `report.css` fills in for a
light and for a dark background.
"""

from typing import Literal

Dashes = Literal["solid", "dashed", "dashdot", "dotted"]

TEXT, LINE = "#222222", "#b8b8b8"
STAGES = {"defend": "#cfe2f3", "attack": "#f6d5d3", "both": "#e3d7f0"}
# Okabe and Ito's, which colour-blind people can tell apart; dashes tell the lines apart, too.
SERIES: tuple[tuple[str, Dashes], ...] = (
    ("#0072b2", "solid"),
    ("#d55e00", "dashed"),
    ("#009e73", "dashdot"),
    ("#cc79a7", "dotted"),
    ("#a6761d", "solid"),
    ("#56b4e9", "dashed"),
    ("#7b68b5", "dashdot"),
    ("#666666", "dotted"),
)

CLASSES = {TEXT: "text", LINE: "line"}
CLASSES |= {colour: f"stage-{kind}" for kind, colour in STAGES.items()}
CLASSES |= {colour: f"series-{i}" for i, (colour, _) in enumerate(SERIES, 1)}
"""Colour -> its name in CSS: a line has the class `s-NAME`, an area `f-NAME`."""

SHADES = "RdPu"
"""matplotlib's map for shares, light for 0 and dark for 1."""
