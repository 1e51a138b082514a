"""The figure that puts theory and models side by side, at a tiny size."""

import csv
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_all_gaps_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    program = import_module("theory_to_models")
    words = "--rounds 2 --defend-updates 1 --attack-updates 1 --games 16 --every 500"
    words += f" --iterations 30 --response-updates 1 --out {tmp_path}"
    monkeypatch.setattr(sys, "argv", ["theory_to_models.py", *words.split()])
    program.main()
    assert (tmp_path / "theory_to_models.png").stat().st_size > 10_000
    with (tmp_path / "theory_to_models.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    updates = {
        (row["panel"], row["series"]): [
            int(other["x"])
            for other in rows
            if (other["panel"], other["series"]) == (row["panel"], row["series"])
        ]
        for row in rows
    }
    for panel in ("models, exact", "models, trained best response"):
        for series in ("last state", "average", "PSRO's mixture"):
            assert updates[panel, series] == [0, 1, 2]
    low, high = np.array([(float(row["low"]), float(row["high"])) for row in rows]).T
    assert (low <= high).all()
    theory = [row for row in rows if row["panel"] == "theory"]
    (bound,) = [float(row["high"]) for row in theory if "bound" in row["series"]]
    assert float([row for row in theory if row["series"] == "average"][-1]["high"]) < bound
