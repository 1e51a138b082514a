"""The guard benchmark on a guard of two layers: what it counts, and that both ways agree."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm_game_env.rewards import Exchange, GuardReward

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COUNT = 6


@pytest.fixture
def guard_scaling(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import guard_scaling  # pyright: ignore[reportMissingImports] - benchmarks are no package

    return guard_scaling


@pytest.fixture
def size(guard_scaling: ModuleType) -> Any:
    return guard_scaling.SIZES["tiny"]._replace(
        layers=2, width=32, heads=4, key_heads=2, inner=48, vocabulary=1100
    )


@pytest.fixture
def exchanges(guard_scaling: ModuleType, size: Any) -> list[Exchange]:
    return guard_scaling.draw_exchanges(size, COUNT)


@pytest.fixture
def guard(guard_scaling: ModuleType, size: Any, tmp_path: Path) -> GuardReward:
    guard_scaling.save_guard(tmp_path, size, torch.device("cpu"), torch.float32)
    return GuardReward(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_random_guard_tells_the_known_pairs_apart(
    guard_scaling: ModuleType, size: Any, dtype: torch.dtype, tmp_path: Path
) -> None:
    """The constructor refuses it otherwise."""
    guard_scaling.save_guard(tmp_path, size, torch.device("cpu"), dtype)
    scores = GuardReward(tmp_path).score(guard_scaling.draw_exchanges(size, COUNT))
    assert np.ptp(scores) > 0.01


def test_operations_are_those_that_torch_counts(
    guard_scaling: ModuleType, guard: GuardReward, exchanges: list[Exchange]
) -> None:
    work = guard_scaling.count_work(guard, exchanges)
    guard.batch_size = 1  # without padding
    guard._model.set_attn_implementation("eager")  # The counter does not know all kernels.
    with FlopCounterMode(display=False) as counter:
        guard.score(exchanges)
    counts = {str(name): count for name, count in counter.get_flop_counts()["Global"].items()}
    # Attention to all n² pairs of a row's tokens, of which n(n + 1) / 2 are looked at.
    squares = counts["aten.bmm"] / (4 * 2 * 32)
    assert work.operations == counts["aten.mm"] + 2 * 2 * 32 * (squares + work.tokens)
    assert work.weight_bytes == 4 * sum(
        weight.numel()
        for name, weight in guard._model.named_parameters()
        if weight.ndim == 2 and "embed" not in name
    )


def test_both_ways_give_the_same_scores(
    guard_scaling: ModuleType,
    guard: GuardReward,
    exchanges: list[Exchange],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard.batch_size = 4
    expected = guard.score(exchanges)
    widths: list[int] = []

    def run(*arguments: Any, **named: Any) -> np.ndarray:
        widths.extend(len(row) for row in arguments[1])
        return guard_scaling.run_unsorted(*arguments, **named)

    monkeypatch.setattr("llm_game_env.rewards.guard.run_by_length", run)
    np.testing.assert_allclose(guard.score(exchanges), expected, atol=1e-5)
    assert sum(widths) == guard_scaling.count_work(guard, exchanges).tokens


def test_every_batch_size_is_measured(
    guard_scaling: ModuleType,
    guard: GuardReward,
    exchanges: list[Exchange],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best = guard_scaling.Ceilings(1e12, 1e11)
    monkeypatch.setattr(guard_scaling, "measure_ceilings", lambda *_: best)
    batches = guard_scaling.batch_sizes(COUNT)
    assert batches == [1, 2, 4]
    assert guard_scaling.batch_sizes(1000)[-1] == 256
    ceilings, timings = guard_scaling.measure(guard, exchanges, batches, rounds=2)
    assert ceilings == best
    assert len(timings) == 3
    assert all(time > 0 for timing in timings for time in timing)
