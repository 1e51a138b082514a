"""Reward models and a sentence encoder on a GPU give what they give on the CPU: `pytest -m gpu`."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from llm_game_env.diversity import EmbeddingSimilarity
from llm_game_env.rewards import ClassifierReward, Exchange, GuardReward

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DEVICE = "cuda"
CLOSE = 1e-4  # between devices, and between batch sizes, in float32
COARSE = 0.1  # of a probability in bfloat16, whose logits have three digits


class Case(NamedTuple):
    """A reward model with random weights: `open(**options)`, and what it scores."""

    open: Callable[..., Any]
    exchanges: list[Exchange]


@pytest.fixture(params=["guard", "classifier"])
def case(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    save_classifier: Callable[..., str],
) -> Case:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import random_guard  # pyright: ignore[reportMissingImports] - benchmarks are no package

    size = random_guard.SIZES["tiny"]._replace(layers=2, width=64, inner=96, vocabulary=1100)
    random_guard.save_guard(tmp_path, size, torch.device("cpu"), torch.float32)
    exchanges = random_guard.draw_exchanges(size, 20)
    if request.param == "guard":
        return Case(lambda **options: GuardReward(tmp_path, **options), exchanges)
    tokenizer = GuardReward(tmp_path)._tokenizer
    path = save_classifier("llama", tokenizer, ["bad", "good"])
    return Case(lambda **options: ClassifierReward(path, label="good", **options), exchanges)


def place(model: Any) -> str:
    return next(model._model.parameters()).device.type


def test_scores_are_those_of_the_cpu(case: Case) -> None:
    expected = case.open().score(case.exchanges)
    assert np.ptp(expected) > 0.02
    model = case.open(device=DEVICE)
    assert place(model) == DEVICE
    scores = model.score(case.exchanges)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=0, atol=CLOSE)


def test_it_moves_to_the_device_and_back(case: Case) -> None:
    model = case.open()
    expected = model.score(case.exchanges)
    for device in (DEVICE, "cpu"):
        assert model.to(device) is model
        assert place(model) == device
        np.testing.assert_allclose(model.score(case.exchanges), expected, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_neither_batch_size_nor_order_counts(case: Case, batch_size: int) -> None:
    expected = case.open(device=DEVICE, batch_size=7).score(case.exchanges)
    model = case.open(device=DEVICE, batch_size=batch_size)
    np.testing.assert_allclose(model.score(case.exchanges), expected, rtol=0, atol=CLOSE)
    backwards = model.score(case.exchanges[::-1])
    np.testing.assert_allclose(backwards[::-1], expected, rtol=0, atol=CLOSE)


def test_bfloat16_is_honoured(case: Case) -> None:
    exact = case.open(device=DEVICE).score(case.exchanges)
    model = case.open(device=DEVICE, dtype=torch.bfloat16)
    assert {each.dtype for each in model._model.parameters()} == {torch.bfloat16}
    scores = model.score(case.exchanges)
    assert scores.dtype == np.float32
    assert 0 < np.abs(scores - exact).max() < COARSE


def test_a_copy_from_a_pickle_is_on_the_same_device(case: Case) -> None:
    model = case.open(device=DEVICE)
    copy = pickle.loads(pickle.dumps(model))
    assert place(copy) == DEVICE
    expected = model.score(case.exchanges)
    np.testing.assert_allclose(copy.score(case.exchanges), expected, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_embeddings_from_the_device(dtype: torch.dtype) -> None:
    """What a torch encoder returns is left on its device, and may be of any float type."""
    table = torch.randn(26, 48, generator=torch.Generator().manual_seed(0))
    texts = ["who keeps the gate", "what is the word", "who keeps the word", "", "zzz"]

    def measure(device: str, dtype: torch.dtype) -> EmbeddingSimilarity:
        weights = table.to(device, dtype)

        def encode(batch: list[str]) -> torch.Tensor:
            counts = [[text.count(chr(97 + i)) for i in range(26)] for text in batch]
            vectors = torch.tensor(counts, device=device, dtype=dtype) @ weights
            assert vectors.device.type == device
            return vectors

        similarity = EmbeddingSimilarity(encode)
        similarity.add(texts[:3])
        return similarity

    expected = measure("cpu", torch.float32).score(texts)
    assert np.ptp(expected) > 0.1
    atol = CLOSE if dtype == torch.float32 else COARSE
    scores = measure(DEVICE, dtype).score(texts)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=atol)
