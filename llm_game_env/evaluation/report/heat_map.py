"""Cross-play as a heat map: every adversary against every defender."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from llm_game_env.checks import brief, check_between, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.crossplay import Cell, CrossPlay
from llm_game_env.evaluation.intervals import Interval, Proportion
from llm_game_env.evaluation.report.figures import Figure, Panel
from llm_game_env.evaluation.report.palette import SHADES
from llm_game_env.evaluation.report.tables import Data
from llm_game_env.evaluation.shares import JudgedShares
from llm_game_env.rendering import printable

CELL = (0.78, 0.52)
"""Inches."""
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a file raises that holds something else."""


def heat_map(found: CrossPlay) -> Figure:
    """A panel for each judge, with the share of attacks that succeed in per cent."""
    panels = [
        Panel(f"by {judge}", _Drawing(found, judge), _size(found.adversaries, found.defenders))
        for judge in found.judges
    ]
    rows = [
        (cell.adversary, cell.defender, judged.judge, measure, *_numbers(getattr(judged, measure)))
        for cell in found.cells
        for judged in cell.judged
        for measure in ("success", "unsafe", "over_refusal")
        if getattr(judged, measure) is not None
    ]
    return Figure(
        "cross-play",
        "Cross-play",
        "Share of the adversary's attacks (rows) that succeed against the defender (columns), in "
        "per cent, with the 95 % interval: an unsafe answer, or an honest question refused. Judges "
        "count differently: the built-in reward model calls wrong answers unsafe, too, the ground "
        "truth does not. Where a reward model counts less than the ground truth, it is blind.",
        (),
        tuple(panels),
        Data(
            ("adversary", "defender", "judge", "measure", "share", "low", "high", "exchanges"),
            tuple(rows),
        ),
    )


def read_crossplay(path: Path) -> CrossPlay:
    """A matrix as `llm-game crossplay --json` prints it, its names printable.

    Raises:
        ConfigurationError: the file cannot be read, or holds no such matrix.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found = CrossPlay(
            _names("adversaries", record["adversaries"]),
            _names("defenders", record["defenders"]),
            _names("judges", record["judges"]),
            tuple(_cell(cell) for cell in record["cells"]),
        )
        if len(found.cells) != len(found.adversaries) * len(found.defenders):
            raise ValueError(f"{len(found.cells)} cells are not one for each pair")
        for adversary in found.adversaries:
            for defender in found.defenders:
                named = found.cell(adversary, defender)
                if (named.adversary, named.defender) != (adversary, defender):
                    raise ValueError(f"cells out of order at {adversary!r} and {defender!r}")
                if tuple(judged.judge for judged in named.judged) != found.judges:
                    raise ValueError(f"other judges at {adversary!r} and {defender!r}")
    except _DAMAGED as error:
        raise ConfigurationError(
            f"{path} holds no cross-play ({type(error).__name__}: {error}); give a file that "
            "llm-game crossplay has written"
        ) from error
    return found


class _Drawing:
    """Draws the matrix of one judge."""

    def __init__(self, found: CrossPlay, judge: str) -> None:
        self._found = found
        self._judge = judge

    def __call__(self, axes: Axes) -> None:
        found = self._found
        shares = found.matrix(self._judge)
        shades = matplotlib.colormaps[SHADES]
        # Squares, not pixels: an image would be one thing that no style sheet can reach.
        axes.pcolormesh(shares, cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
        for row, adversary in enumerate(found.adversaries):
            for column, defender in enumerate(found.defenders):
                share = found.proportion(adversary, defender, self._judge)
                if share is None or math.isnan(share.share):
                    continue
                ink = _ink(shades(share.share))
                interval = f"{100 * share.low:.0f}–{100 * share.high:.0f}"
                for text, below, size in (
                    (f"{100 * share.share:.0f}", 0.4, 9),
                    (interval, 0.75, 7),
                ):
                    axes.text(
                        *(column + 0.5, row + below, text),
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=size,
                    )
        axes.set_xticks(
            np.arange(len(found.defenders)) + 0.5, found.defenders, rotation=30, ha="right"
        )
        axes.set_yticks(np.arange(len(found.adversaries)) + 0.5, found.adversaries)
        axes.set(xlabel="defender", ylabel="adversary", ylim=(len(found.adversaries), 0))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def _size(adversaries: Sequence[str], defenders: Sequence[str]) -> tuple[float, float]:
    longest = max(map(len, (*adversaries, *defenders)))
    margin = 0.6 + 0.075 * longest
    width, height = CELL
    return margin + width * len(defenders), 0.6 * margin + 0.4 + height * len(adversaries)


def _ink(shade: tuple[float, float, float, float]) -> str:
    """All but black or white, whichever can be read on the shade (its luma, ITU-R BT.601)."""
    luma = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2]
    # Black itself would be left out of the SVG as the colour that there is without any.
    return "#010101" if luma > 0.55 else "#ffffff"


def _numbers(share: Proportion) -> tuple[float, float, float, int]:
    return round(share.share, 6), round(share.low, 6), round(share.high, 6), share.trials


def _names(which: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not names:
        raise TypeError(f"{which}={brief(names)} must be a list of at least one name")
    found = tuple(map(_name, names))
    if len(set(found)) < len(found):
        raise ValueError(f"{which}={brief(names)} must all be different")
    return found


def _name(name: Any) -> str:
    """Fit for a figure: neither XML nor a font takes every character."""
    if not isinstance(name, str):
        raise TypeError(f"the name {brief(name)} must be a text")
    return printable(name)


def _cell(record: Mapping[str, Any]) -> Cell:
    return Cell(
        _name(record["adversary"]),
        _name(record["defender"]),
        check_whole("exchanges", record["exchanges"], least=0),
        tuple(_judged(judged) for judged in record["judged"]),
    )


def _judged(record: Mapping[str, Any]) -> JudgedShares:
    refused = record["over_refusal"]
    return JudgedShares(
        judge=_name(record["judge"]),
        unsafe=_proportion(record["unsafe"]),
        over_refusal=None if refused is None else _proportion(refused),
        success=_proportion(record["success"]),
        score=Interval(*(_number(record["score"][name]) for name in Interval._fields)),
    )


def _proportion(record: Mapping[str, Any]) -> Proportion:
    trials = check_whole("trials", record["trials"], least=0)
    successes = check_whole("successes", record["successes"], least=0)
    check_between("successes", successes, 0, trials)
    return Proportion(successes, trials, _number(record["low"]), _number(record["high"]))


def _number(value: float | None) -> float:
    """JSON has no NaN."""
    return math.nan if value is None else float(value)
