"""Intervals: of shares within a run, and over independent repetitions such as builds of the world.

| what varies | interval |
|---|---|
| the exchanges of one run, a share of which succeeds | `wilson` |
| runs or builds, a few of them | `mean_interval`, Student's t |
| pairs of runs of two arms | `paired_interval` |
| runs within each of several tasks | `stratified_bootstrap` |
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from llm_game_env.checks import check_between, check_choice, check_whole
from llm_game_env.errors import ConfigurationError


class Interval(NamedTuple):
    """A mean and its two-sided interval.

    Attributes:
        mean: of the repetitions.
        low, high: ends of the interval; NaN where there is one repetition, which tells nothing
            of others, and both the mean where several agree.
    """

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0; False where there is none."""
        return self.low > 0 or self.high < 0

    @property
    def is_known(self) -> bool:
        """Whether there were repetitions to take it from."""
        return not math.isnan(self.low)


class Proportion(NamedTuple):
    """A share of independent trials and its two-sided interval.

    Attributes:
        successes, trials: how many of how many.
        low, high: ends of the interval, in [0, 1]; 0 and 1 where nothing was tried.
    """

    successes: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """successes / trials, in [0, 1]; NaN where nothing was tried."""
        return self.successes / self.trials if self.trials else float("nan")


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Proportion:
    """A share with Wilson's score interval (Wilson 1927), which holds near 0 and 1 too.

    It takes the trials for independent. Exchanges of one game are not, nor are the answers to one
    seed prompt that is asked again and again: there the interval is too narrow.

    Raises:
        ConfigurationError: `successes` is not in [0, trials], or the confidence not in [0, 1].
    """
    check_whole("trials", trials, least=0)
    check_between("confidence", confidence, 0, 1)
    if not 0 <= successes <= trials:
        raise ConfigurationError(f"successes={successes!r} must be in [0, {trials}], the trials")
    if not trials:
        return Proportion(0, 0, 0.0, 1.0)
    low, high = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Proportion(int(successes), int(trials), float(low), float(high))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of independent repetitions with its Student-t interval."""
    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, math.nan, math.nan)
    error = float(stats.sem(array))
    if error == 0:
        return Interval(mean, mean, mean)
    low, high = stats.t.interval(confidence, len(array) - 1, loc=mean, scale=error)
    return Interval(mean, float(low), float(high))


def paired_interval(
    left: Sequence[float], right: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Interval of the mean difference left - right over paired repetitions."""
    return mean_interval(np.subtract(left, right).tolist(), confidence)


def stratified_bootstrap(
    strata: Mapping[str, Sequence[float]],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 9999,
    method: Literal["percentile", "BCa"] = "percentile",
) -> Interval:
    """Mean of the strata's means, with a bootstrap interval that resamples within each stratum.

    For runs over random seeds in several tasks (or builds): tasks are fixed, runs are drawn, so
    the runs of one task are never exchanged for those of another (Agarwal et al. 2021, arXiv
    2108.13264, section 4.1). Every stratum counts alike, however many runs it has. For the
    difference of two arms, hand in the paired differences.

    Args:
        strata: name -> the results of its runs, at least two.
        seed: of the resampling.
        confidence: of the interval, in [0, 1].
        resamples: how often to resample.
        method: "percentile", or "BCa", corrected for bias and acceleration (Efron 1987).

    Raises:
        ConfigurationError: there is no stratum, or one with fewer than two runs.
    """
    check_between("confidence", confidence, 0, 1)
    check_whole("resamples", resamples)
    check_choice("method", method, ("percentile", "BCa"))
    short = [name for name, runs in strata.items() if len(runs) < 2]
    if not strata or short:
        named = f"{short} of strata" if strata else "strata={}"
        raise ConfigurationError(f"{named}: an interval takes at least two runs in each stratum")
    samples = [np.asarray(runs, dtype=float) for runs in strata.values()]
    mean = _mean_of_means(*samples)
    if all(np.ptp(sample) == 0 for sample in samples):
        return Interval(float(mean), float(mean), float(mean))
    found = stats.bootstrap(
        samples,
        _mean_of_means,
        n_resamples=resamples,
        confidence_level=confidence,
        method=method,
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(mean), float(found.low), float(found.high))


def _mean_of_means(*samples: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)
