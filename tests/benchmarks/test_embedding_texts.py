"""The texts that encoders are measured on are as long as the table says."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_lengths_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import embedding  # pyright: ignore[reportMissingImports] - benchmarks are no package

    texts = embedding.questions(np.random.default_rng(0), 500, 20, 40)
    assert {len(text.split()) for text in texts} == set(range(20, 41))
    assert len(set(texts)) == 500
