"""The numbers behind sampling: keyed, so that neither layout nor resume changes one."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from llm_game_agents.draws import sampling_uniforms

KEY: dict[str, Any] = {"seed": 3, "player": 1, "iteration": 7, "turn": 0}


def draw(num_rows: int, max_tokens: int, **key: int) -> np.ndarray:
    return sampling_uniforms(**(KEY | key), num_rows=num_rows, max_tokens=max_tokens)


def test_shape_and_range() -> None:
    numbers = draw(200, 53)
    assert numbers.shape == (200, 53)
    assert numbers.dtype == np.float64
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0


@pytest.mark.parametrize("num_rows", [1, 2, 5, 8])
@pytest.mark.parametrize("max_tokens", [1, 3, 4, 9, 17])
def test_more_rows_or_tokens_change_no_number(num_rows: int, max_tokens: int) -> None:
    np.testing.assert_array_equal(draw(num_rows, max_tokens), draw(8, 17)[:num_rows, :max_tokens])


def test_the_same_key_gives_the_same_numbers() -> None:
    np.testing.assert_array_equal(draw(5, 9), draw(5, 9))


@pytest.mark.parametrize("name", list(KEY))
@pytest.mark.parametrize("value", [4, 2**31])
def test_every_part_of_the_key_counts(name: str, value: int) -> None:
    assert not np.isin(draw(6, 10, **{name: value}), draw(6, 10)).any()


def test_parts_of_the_key_are_not_confused() -> None:
    keys = [(0, 1, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0, 0)]
    numbers = np.concatenate([sampling_uniforms(*key, 4, 8).ravel() for key in keys])
    assert len(np.unique(numbers)) == len(keys) * 32


def test_no_row_repeats_a_part_of_another() -> None:
    # Streams that overlap would repeat numbers; among 200,000 doubles chance makes no pair.
    assert len(np.unique(draw(200, 1000))) == 200_000


def test_numbers_are_uniform_along_and_across_rows() -> None:
    numbers = draw(300, 300)
    assert kstest(numbers.ravel(), "uniform").pvalue > 0.01
    for pair in (numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:]):
        # 90,000 pairs: the correlation of independent ones has a deviation of 1/300.
        assert abs(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1]) < 4 / 300


def test_no_global_generator_is_touched() -> None:
    before = str(np.random.get_state())
    draw(3, 3)
    assert str(np.random.get_state()) == before
