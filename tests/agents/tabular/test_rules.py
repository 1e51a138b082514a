"""The steps of every algorithm, against numbers worked by hand."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from llm_game_agents.tabular import (
    Entropy,
    MagneticDescent,
    MirrorDescent,
    OptimisticDescent,
    Policies,
    RegularisedDescent,
    Rule,
    iterates,
    make_games,
)
from llm_game_env.errors import ConfigurationError

LOG2, LOG3 = np.log(2), np.log(3)
# One prompt's scores are log 2 and 0, the other's 0 and 0; the first costs log 3 more.
PAYOFF = [[[LOG2, 0.0], [0.0, 0.0]]]
LIKENESS = [LOG3, 0.0]


def play(rule: Rule, steps: int, information: list[int] | None = None) -> list[Policies]:
    games = make_games(PAYOFF, information, LIKENESS)
    return list(islice(iterates(games, rule), steps + 1))


def odds(policy: np.ndarray) -> np.ndarray:
    """How many times as likely the first choice is as the second."""
    return policy[0, ..., 0] / policy[0, ..., 1]


def test_all_start_uniform() -> None:
    rules = [
        MirrorDescent(1.0, 1.0),
        OptimisticDescent(1.0, 1.0),
        RegularisedDescent(1.0, 1.0, Entropy(1.0)),
        MagneticDescent(1.0, 1.0),
    ]
    for rule in rules:
        for side in play(rule, 0)[0]:
            np.testing.assert_allclose(side, 0.5)


def test_mirror_descent_in_the_papers_game() -> None:
    _, second, third = play(MirrorDescent(adversary_kl=2.0, defender_kl=1.0), 2)
    # exp(log 2), whatever the adversary does, then again.
    np.testing.assert_allclose(odds(second.defender), [2.0, 1.0])
    np.testing.assert_allclose(odds(third.defender), [4.0, 1.0])
    # The first prompt costs log 2 / 2 + log 3 at first, then 2/3 log 2 + log 3; half of it counts.
    np.testing.assert_allclose(odds(second.adversary), 2**-0.25 * 3**-0.5)
    np.testing.assert_allclose(odds(third.adversary), 2 ** (-0.25 - 1 / 3) * 3**-1.0)


def test_mirror_descent_where_the_defender_sees_nothing() -> None:
    _, second, third = play(MirrorDescent(adversary_kl=1.0, defender_kl=1.0), 2, [0, 0])
    # Half of the prompts are the first.
    np.testing.assert_allclose(odds(second.defender), [2**0.5])
    share = second.adversary[0, 0]
    np.testing.assert_allclose(odds(third.defender), [2 ** (0.5 + share)])


def test_optimistic_descent_counts_the_last_signal_twice() -> None:
    _, second, third = play(OptimisticDescent(adversary_kl=1.0, defender_kl=1.0), 2)
    np.testing.assert_allclose(odds(second.defender), [4.0, 1.0])
    # Two signals and the guess of a third; not two guesses.
    np.testing.assert_allclose(odds(third.defender), [8.0, 1.0])
    np.testing.assert_allclose(odds(second.adversary), 2**-1.0 * 3**-2.0)
    # Sums: log 2 (1/2 + 4/5) and 2 log 3; the guess repeats the second, 4/5 log 2 + log 3.
    np.testing.assert_allclose(odds(third.adversary), 2 ** -(0.5 + 0.8 + 0.8) * 3**-3.0)


def test_entropy_takes_the_root() -> None:
    rule = RegularisedDescent(1.0, 1.0, Entropy(adversary=1.0, defender=0.0))
    _, second, third = play(rule, 2)
    np.testing.assert_allclose(odds(third.defender), [4.0, 1.0])
    first = 2**-0.5 / 3
    np.testing.assert_allclose(odds(second.adversary), first**0.5)
    np.testing.assert_allclose(
        odds(third.adversary), (odds(second.adversary) * 2 ** (-2 / 3) / 3) ** 0.5
    )


def test_the_defenders_entropy_counts_if_it_is_in_the_game() -> None:
    rule = RegularisedDescent(1.0, 1.0, Entropy(adversary=1.0, defender=1.0))
    _, second, third = play(rule, 2)
    np.testing.assert_allclose(odds(second.defender), [2**0.5, 1.0])
    # Uniform at first on both prompts, then with the entropy of 2^0.5 to 1 on the first.
    share = 2**0.5 / (2**0.5 + 1)
    nats = -share * np.log(share) - (1 - share) * np.log(1 - share)
    cost = share * LOG2 + LOG3 + nats - LOG2
    np.testing.assert_allclose(
        odds(third.adversary), (odds(second.adversary) * np.exp(-cost)) ** 0.5
    )


def test_a_magnet_that_stays_is_entropy_of_both() -> None:
    pulled = play(MagneticDescent(kl=2.0, pull=0.5), 5, [0, 0])
    regularised = play(RegularisedDescent(2.0, 2.0, Entropy(0.5, 0.5)), 5, [0, 0])
    for one, other in zip(pulled, regularised, strict=True):
        for side, expected in zip(one, other, strict=True):
            np.testing.assert_allclose(side, expected)


def test_a_magnet_that_is_moved() -> None:
    rule = MagneticDescent(kl=1.0, pull=1.0, magnet_every=1)
    _, second, third = play(rule, 2)
    np.testing.assert_allclose(odds(second.defender), [2**0.5, 1.0])
    # Previous iterate and magnet are the same, so nothing of it is taken back.
    np.testing.assert_allclose(odds(third.defender), [2.0, 1.0])
    assert rule.entropy == Entropy()
    assert MagneticDescent(kl=1.0, pull=0.5).entropy == Entropy(0.5, 0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MirrorDescent(0.0, 1.0), "adversary_kl=0.0 must be above 0"),
        (lambda: MirrorDescent(1.0, np.inf), "defender_kl=inf must be a finite number"),
        (lambda: OptimisticDescent(1.0, -1.0), "defender_kl=-1.0 must be above 0"),
        (lambda: RegularisedDescent(1.0, 1.0, Entropy(-1.0)), r"entropy\.adversary=-1.0 must be"),
        (lambda: MagneticDescent(1.0, 0.0), "pull=0.0 must be above 0"),
        (lambda: MagneticDescent(1.0, 1.0, -1), "magnet_every=-1 must be a whole number"),
    ],
)
def test_coefficients_that_are_refused(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
