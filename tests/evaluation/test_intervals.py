"""Intervals over repetitions, against scipy and by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llm_game_env.evaluation.intervals import Interval, mean_interval, paired_interval

numbers = st.floats(-10, 10).map(lambda x: round(x, 3))


def test_three_values_by_hand() -> None:
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)  # t of 2 degrees of freedom at 97.5 %, standard deviation 1
    assert interval == pytest.approx((2.0, 2.0 - half, 2.0 + half), rel=1e-5)
    assert not interval.excludes_zero


@settings(deadline=None)
@given(st.lists(numbers, min_size=2, max_size=8), st.sampled_from([0.5, 0.9, 0.95]))
def test_as_scipy_has_it(values: list[float], confidence: float) -> None:
    interval = mean_interval(values, confidence)
    if len(set(values)) == 1:
        assert interval == pytest.approx((values[0],) * 3)
        return
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert interval.low <= interval.mean <= interval.high


def test_paired_values_by_hand() -> None:
    left, right = [0.5, 0.75, 1.0], [0.25, 0.25, 0.25]
    assert paired_interval(left, right) == mean_interval([0.25, 0.5, 0.75])
    assert paired_interval(right, left).mean == -0.5
    expected = stats.ttest_rel(left, right).confidence_interval(0.9)
    found = paired_interval(left, right, 0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_pairs_take_out_what_they_share() -> None:
    base = [0.1, 0.5, 0.9, 0.3]
    difference = paired_interval([0.21, 0.6, 0.99, 0.4], base)
    assert difference.excludes_zero
    assert difference.high - difference.low < 0.05


@pytest.mark.parametrize(
    ("interval", "excludes"),
    [
        (Interval(1.0, 0.5, 1.5), True),
        (Interval(-1.0, -1.5, -0.5), True),
        (Interval(0.5, -0.1, 1.1), False),
        (Interval(0.5, 0.0, 1.0), False),
        (Interval(0.5, 0.5, 0.5), False),
    ],
)
def test_excluding_zero(interval: Interval, excludes: bool) -> None:
    assert interval.excludes_zero is excludes


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3]])
def test_without_spread_there_is_no_width(values: list[float]) -> None:
    assert mean_interval(values) == pytest.approx((0.3, 0.3, 0.3))
    assert not mean_interval(values).excludes_zero
