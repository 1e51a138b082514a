"""Intervals over independent repetitions, such as builds of the world."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean and its two-sided Student-t interval.

    Attributes:
        mean: of the repetitions.
        low, high: ends of the interval; both are the mean where there is one repetition.
    """

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0, with some width to say so."""
        return self.low != self.high and (self.low > 0 or self.high < 0)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of independent repetitions with its Student-t interval."""
    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, mean, mean)
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
