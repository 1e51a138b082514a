"""The benchmark of generation compares like with like."""

from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def generation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    from pathlib import Path

    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import generation  # pyright: ignore[reportMissingImports]

    return generation


def test_answers_end_when_they_are_to(generation: ModuleType) -> None:
    rng = np.random.default_rng(0)
    prompts = rng.integers(2, generation.VOCABULARY, size=(64, generation.PROMPT))
    uniforms = rng.random((64, generation.LIMIT))
    full = generation.make_model(ends=False)
    assert generation.play(full, prompts, uniforms) == 64 * generation.LIMIT
    assert generation.generate(full, prompts, 0, scores=False) == 64 * generation.LIMIT
    # A geometric length with rate 1/8, cut at 32, has mean 7.9; of 64 the deviation is 0.9.
    ends = generation.make_model(ends=True)
    for written in (
        generation.play(ends, prompts, uniforms),
        generation.generate(ends, prompts, 0, scores=True),
    ):
        assert 5.0 < written / 64 < 11.0


def test_a_table_is_printed(
    generation: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["generation.py", "--rounds", "1", "--batches", "1", "2"])
    generation.main()
    assert "that end" in capsys.readouterr().out
