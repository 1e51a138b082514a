"""Intervals over repetitions, against scipy and by hand."""

import math
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.intervals import (
    Interval,
    mean_interval,
    paired_interval,
    stratified_bootstrap,
    wilson,
)

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
        (Interval(0.5, 0.5, 0.5), True),
        (Interval(0.0, 0.0, 0.0), False),
    ],
)
def test_excluding_zero(interval: Interval, excludes: bool) -> None:
    assert interval.excludes_zero is excludes


def test_one_value_has_no_interval() -> None:
    interval = mean_interval([0.3])
    assert interval.mean == 0.3
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert not interval.is_known
    assert not interval.excludes_zero


def test_values_that_agree_have_no_width() -> None:
    assert mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
    assert mean_interval([0.5, 0.5, 0.5]).excludes_zero
    assert not mean_interval([0.0, 0.0]).excludes_zero


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [
        # By hand: z² = 3.841459, centre (k + z²/2) / (n + z²), see Wilson 1927.
        (5, 10, 0.236593, 0.763407),
        (0, 10, 0.0, 0.277533),
        (10, 10, 0.722467, 1.0),
        (1, 1, 0.206549, 1.0),
        (81, 263, 0.255287, 0.366214),  # Newcombe 1998, table I
        (15, 148, 0.062386, 0.160518),  # the same
    ],
)
def test_wilson(successes: int, count: int, low: float, high: float) -> None:
    found = wilson(successes, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.share == successes / count
    z = 1.959964
    centre = (successes + z**2 / 2) / (count + z**2)
    half = z / (count + z**2) * math.sqrt(successes * (count - successes) / count + z**2 / 4)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_a_share_of_nothing_may_be_anything() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.share)
    assert (found.low, found.high) == (0, 1)


def test_less_confidence_is_a_narrower_interval() -> None:
    wide, narrow = wilson(3, 20), wilson(3, 20, confidence=0.5)
    assert wide.low < narrow.low < narrow.share < narrow.high < wide.high


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((3, 2), r"successes=3 must be in \[0, 2\]"),
        ((-1, 2), "successes=-1"),
        ((0, -1), "trials=-1"),
        ((1, 2, 1.5), "confidence=1.5"),
    ],
)
def test_shares_that_there_are_not(arguments: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        wilson(*arguments)


STRATA = {"easy": [0.1, 0.3], "hard": [0.6, 0.8, 0.7, 0.9]}


def test_a_bootstrap_of_two_runs_by_hand() -> None:
    # Resampled means are 0, 1/2 and 1 with probability 1/4, 1/2 and 1/4.
    found = stratified_bootstrap({"one": [0.0, 1.0]}, seed=0, confidence=0.4)
    assert found == (0.5, 0.5, 0.5)
    assert stratified_bootstrap({"one": [0.0, 1.0]}, seed=0, confidence=0.6) == (0.5, 0.0, 1.0)


def test_resampling_stays_within_the_strata() -> None:
    # Over all six runs at once, means of 0.1 and of 0.9 would be possible.
    found = stratified_bootstrap(STRATA, seed=0, confidence=1.0)
    assert found.mean == pytest.approx((0.2 + 0.75) / 2)
    assert found.low >= (0.1 + 0.6) / 2 - 1e-9
    assert found.high <= (0.3 + 0.9) / 2 + 1e-9


def test_many_runs_give_the_normal_interval() -> None:
    rng = np.random.default_rng(0)
    strata = {name: rng.normal(size=400).tolist() for name in "abc"}
    error = math.sqrt(sum(np.var(runs) / 400 for runs in strata.values())) / 3
    for method in ("percentile", "BCa"):
        found = stratified_bootstrap(strata, seed=1, resamples=4000, method=method)
        assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.1 * error)
        assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.1 * error)


def test_the_seed_decides_the_bootstrap() -> None:
    first = stratified_bootstrap(STRATA, seed=0, resamples=200)
    assert first == stratified_bootstrap(STRATA, seed=0, resamples=200)
    assert first != stratified_bootstrap(STRATA, seed=1, resamples=200)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_equal_runs_have_no_width(method: Literal["percentile", "BCa"]) -> None:
    found = stratified_bootstrap({"a": [0.5, 0.5], "b": [1.0, 1.0]}, seed=0, method=method)
    assert found == (0.75, 0.75, 0.75)


@pytest.mark.parametrize(
    ("strata", "arguments", "problem"),
    [
        ({}, {}, "strata={}: an interval takes at least two runs"),
        ({"a": [1.0, 2.0], "b": [1.0]}, {}, r"\['b'\] of strata: .* at least two runs"),
        (STRATA, {"method": "magic"}, "method='magic' must be 'percentile' or 'BCa'"),
        (STRATA, {"resamples": 0}, "resamples=0"),
    ],
)
def test_what_cannot_be_resampled(strata: Any, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        stratified_bootstrap(strata, seed=0, **arguments)
