"""The benchmark for GPUs runs without one, and counts the work it says it counts."""

from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def iteration(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import gpu_iteration  # pyright: ignore[reportMissingImports]

    return gpu_iteration


def test_a_table_is_printed(
    iteration: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "x --device cpu --shape tiny --dtype fp32 --games 4 --tokens 4 --rounds 1"
    monkeypatch.setattr("sys.argv", words.split())
    no_limits = iteration.Ceilings(1e12, 1e12)
    monkeypatch.setattr(iteration, "measure_ceilings", lambda *_: no_limits)
    iteration.main()
    out = capsys.readouterr().out
    assert "rollout" in out
    assert "update" in out


def test_the_weights_of_the_shapes(iteration: ModuleType) -> None:
    # Two layers: q 64·64, k and v 64·32, o 64·64, three of 64·128; the output layer 512·64.
    import torch

    model = iteration._model(iteration.SHAPES["tiny"], 0, torch.device("cpu"), torch.float32)
    weights = iteration.count_weights(model)
    layers = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128)
    assert weights == (layers, 512 * 64, 4 * (layers + 512 * 64))
