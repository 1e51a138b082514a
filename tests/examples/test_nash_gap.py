"""The figure of the theory: it is drawn, and what is committed says what the page says of it."""

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import llm_game_agents.tabular

ROOT = Path(__file__).parents[2]
PAGE = (Path(llm_game_agents.tabular.__file__).parent / "README.md").read_text(encoding="utf-8")

Curves = dict[tuple[str, str], list[tuple[float, float]]]


def read(path: Path) -> Curves:
    curves: Curves = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            curves[row["panel"], row["series"]].append((float(row["x"]), float(row["y"])))
    return curves


def below_their_bounds(curves: Curves) -> int:
    """How many bounds there are; all are above what they bound."""
    bounds = {key: curve for key, curve in curves.items() if "bound" in key[1]}
    for (panel, series), bound in bounds.items():
        bounded = "optimistic" if "optimistic" in series else "mirror descent (GPO)"
        for (horizon, most), (same, gap) in zip(bound, curves[panel, bounded], strict=True):
            assert horizon == same
            assert gap <= most
    return len(bounds)


def test_a_small_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    import nash_gap  # pyright: ignore[reportMissingImports] - examples are no package

    flags = ["--games", "2", "--horizons", "3", "--longest", "40", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["nash_gap.py", *flags])
    nash_gap.main()
    assert capsys.readouterr().out.count("slope -") == 4
    assert (tmp_path / "nash_gap.png").read_bytes().startswith(b"\x89PNG")
    curves = read(tmp_path / "nash_gap.csv")
    assert len({panel for panel, _ in curves}) == 9
    assert below_their_bounds(curves) == 3


@pytest.mark.parametrize(
    ("flag", "value", "least"), [("--longest", 5, 11), ("--horizons", 1, 2), ("--games", 0, 1)]
)
def test_too_small(
    flag: str,
    value: int,
    least: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    import nash_gap  # pyright: ignore[reportMissingImports] - examples are no package

    monkeypatch.setattr(sys, "argv", ["nash_gap.py", flag, str(value), "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        nash_gap.main()
    said = f"error: {flag}={value} must be a whole number of at least {least}\n"
    assert capsys.readouterr().err == said
    assert not any(tmp_path.iterdir())


def test_the_full_size_takes_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    import nash_gap  # pyright: ignore[reportMissingImports] - examples are no package

    monkeypatch.setattr(sys, "argv", ["nash_gap.py", "--full", "--games", "20", "--longest", "40"])
    with pytest.raises(SystemExit, match="2"):
        nash_gap.main()
    assert "leave out --games, --longest, or --full" in capsys.readouterr().err


def test_the_committed_figure_is_the_pages() -> None:
    path = ROOT / "results" / "nash_gap.csv"
    curves = read(path)
    assert below_their_bounds(curves) == 3
    # The rows of the page: game, algorithm, slope, and how far the gap is from an exact rate.
    row = r"^\| (the \S+ game), (.+?) \| (-[\d.]+) \| ([\d.]+) to ([\d.]+) \|"
    rows = re.findall(row, PAGE, re.MULTILINE)
    assert len(rows) == 4
    for game, series, slope, least, most in rows:
        horizons, gaps = np.array(curves[f"{game}: average at the horizon", series]).T
        assert len(horizons) == 20
        fitted = np.polyfit(np.log(horizons), np.log(gaps), 1)[0]
        assert f"{fitted:.3f}" == slope
        steady = gaps * horizons ** (1.0 if series == "optimistic" else 0.5)
        assert f"{steady.min():.2f}" == least
        assert f"{steady.max():.2f}" == most
    size = sum((path.with_suffix(suffix)).stat().st_size for suffix in (".csv", ".png"))
    assert size < 200_000
