"""Rows of token ids through real architectures, in batches of any size, order and padding."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env.buckets import Batch, cut, fit, run_by_length
from llm_game_env.chat import Piece


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2", "gemma2"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_neither_batch_nor_order_nor_side_changes_a_result(
    kind: str, side: Literal["left", "right"], make_lm: Callable[..., Any]
) -> None:
    model = make_lm(kind, 30)
    generator = np.random.default_rng(0)
    rows = [generator.integers(1, 30, n).tolist() for n in (3, 17, 1, 9, 9, 30, 2)]

    def run(batch: Batch) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        logits = model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
        ).logits
        last = (batch.attention_mask * torch.arange(batch.input_ids.shape[1])).argmax(1)
        return logits[torch.arange(len(last)), last].log_softmax(-1)

    with torch.inference_mode():
        alone = [model(torch.tensor([row])).logits[0, -1].log_softmax(-1).numpy() for row in rows]
    for batch_size in (1, 2, 3, 64):
        for order in (np.arange(7), np.arange(7)[::-1], generator.permutation(7)):
            results = run_by_length(
                run,
                [rows[i] for i in order],
                pad_id=0,
                side=side,
                batch_size=batch_size,
                device="cpu",
            )
            assert results.dtype == np.float32
            np.testing.assert_allclose(results, np.stack(alone)[order], atol=1e-5)


def test_fit_keeps_the_response() -> None:
    row = [Piece([1], None, "a"), Piece([2, 3, 4], 0, ""), Piece([5], None, "b")]
    row += [Piece([6, 7, 8], 1, ""), Piece([9], None, "c")]

    def kept(limit: int) -> list[int]:
        return [token for piece in fit(row, limit) for token in piece.ids]

    assert kept(9) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert kept(7) == [1, 4, 5, 6, 7, 8, 9]
    assert kept(6) == [1, 5, 6, 7, 8, 9]
    assert kept(5) == [1, 5, 6, 7, 9]


TOKENS = st.lists(st.integers(1, 9), max_size=6)


@given(
    st.lists(TOKENS, min_size=1, max_size=4),
    st.lists(TOKENS, min_size=5, max_size=5),
    st.integers(1, 30),
)
def test_fit_fills_the_limit_and_drops_the_response_last(
    contents: list[list[int]], markup: list[list[int]], limit: int
) -> None:
    row = [Piece(markup[0], None, "")]
    for i, content in enumerate(contents):
        row += [Piece(content, i, ""), Piece(markup[i + 1], None, "")]
    kept = [token for piece in fit(row, limit) for token in piece.ids]
    assert len(kept) == min(limit, sum(len(piece.ids) for piece in row))
    response, after = row[-2].ids, row[-1].ids
    fixed = sum(len(piece.ids) for piece in row if piece.message is None)
    if len(response) + fixed <= limit:
        assert kept[len(kept) - len(response) - len(after) :] == response + after


def test_cut_by_hand() -> None:
    # Two batches compute 2 * 2 + 2 * 9 tokens, one computes 4 * 9: 14 more.
    assert cut([2, 2, 8, 9], 64, 13) == [slice(0, 2), slice(2, 4)]
    assert cut([2, 2, 8, 9], 64, 15) == [slice(0, 4)]
    assert cut([2, 2, 8, 9], 1, 15) == [slice(i, i + 1) for i in range(4)]
    assert cut([], 64, 13) == []


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=9).map(sorted),
    st.integers(1, 10),
    st.integers(0, 60),
)
def test_cut_is_the_cheapest_of_all(lengths: list[int], most: int, batch_cost: int) -> None:
    def cost(ends: Sequence[int]) -> float:
        batches = [lengths[a:b] for a, b in pairwise([0, *ends])]
        if max(map(len, batches)) > most:
            return float("inf")
        return sum(len(batch) * batch[-1] + batch_cost for batch in batches)

    inner = range(1, len(lengths))
    every = (
        cost([*ends, len(lengths)]) for n in range(len(lengths)) for ends in combinations(inner, n)
    )
    places = cut(lengths, most, batch_cost)
    assert [place.start for place in places] == [0, *(place.stop for place in places[:-1])]
    assert cost([place.stop for place in places]) == min(every)
