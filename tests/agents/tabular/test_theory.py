"""What the theorem says, and what it does not, on games that are played out."""

from itertools import islice

import numpy as np
import pytest
from scipy.optimize import minimize

from llm_game_agents.tabular import (
    Entropy,
    MagneticDescent,
    MirrorDescent,
    OptimisticDescent,
    Policies,
    RegularisedDescent,
    entropies,
    follow,
    horizon_coefficients,
    iterates,
    make_games,
    mirror_bound,
    nash_gaps,
    optimistic_bound,
    ranges_of,
    regularised_equilibrium,
)
from llm_game_agents.tabular.games import TabularGames
from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import make_matrix_game

SEEN, UNSEEN = None, [0] * 10
# One mixed equilibrium, at one third each, that is not where the algorithms start.
PENNIES = [[[2.0, 0.0], [0.0, 1.0]]]
THIRD = np.array([1 / 3, 2 / 3])


def random_games(count: int, information: list[int] | None, likeness: float = 0.0) -> TabularGames:
    """Ten prompts, eight responses, scores in [0, 1)."""
    rng = np.random.default_rng(7)
    return make_games(
        rng.random((count, 10, 8)), information, likeness=likeness * rng.random((count, 10))
    )


def average_gaps(games: TabularGames, horizons: list[int]) -> np.ndarray:
    """Of plain descent, each horizon with its own coefficients; [H, G], checked on the way."""
    gaps = []
    for horizon in horizons:
        rule = horizon_coefficients(games, horizon)
        gaps.append(follow(games, rule, horizon, [horizon]).curves.average_gap[0])
        assert (gaps[-1] <= mirror_bound(games, rule, horizon)).all()
    return np.array(gaps)


@pytest.mark.parametrize("information", [SEEN, UNSEEN], ids=["seen", "unseen"])
@pytest.mark.parametrize("likeness", [0.0, 1.0])
def test_the_gap_is_below_the_bound(information: list[int] | None, likeness: float) -> None:
    gaps = average_gaps(random_games(20, information, likeness), [1, 2, 10, 100, 1000])
    assert (gaps[1:] > 0).all()


@pytest.mark.parametrize("information", [SEEN, UNSEEN], ids=["seen", "unseen"])
def test_the_bound_holds_with_a_likeness_matrix(information: list[int] | None) -> None:
    rng = np.random.default_rng(8)
    texts = rng.normal(size=(5, 10, 3))
    texts /= np.linalg.norm(texts, axis=2, keepdims=True)
    games = make_games(
        rng.random((5, 10, 8)), information, likeness_matrix=texts @ texts.transpose(0, 2, 1)
    )
    average_gaps(games, [10, 100, 1000])


@pytest.mark.slow
@pytest.mark.parametrize("information", [SEEN, UNSEEN], ids=["seen", "unseen"])
def test_the_bound_and_the_rate_at_twenty_horizons(information: list[int] | None) -> None:
    horizons = np.unique(np.rint(np.logspace(1, 5, 20)).astype(int))
    worst = average_gaps(random_games(100, information), horizons.tolist()).max(axis=1)
    # The rate itself: the worst gap times √T neither grows nor falls.
    steady = worst * np.sqrt(horizons)
    assert steady.max() / steady.min() < 1.15
    slope = np.polyfit(np.log(horizons), np.log(worst), 1)[0]
    assert -0.53 < slope < -0.48


@pytest.mark.slow
def test_the_faster_rate_of_optimistic_descent() -> None:
    games = random_games(100, UNSEEN)
    rule = OptimisticDescent(1.0, 1.0)
    horizons = np.unique(np.rint(np.logspace(1, 5, 20)).astype(int))
    gaps = follow(games, rule, 100_000, horizons).curves.average_gap
    for horizon, gap in zip(horizons, gaps, strict=True):
        assert (gap <= optimistic_bound(games, rule, int(horizon))).all()
    worst = gaps.max(axis=1)
    steady = (worst * horizons)[horizons >= 100]
    assert steady.max() / steady.min() < 1.2
    slope = np.polyfit(np.log(horizons), np.log(worst), 1)[0]
    assert -1.05 < slope < -0.98


def test_optimistic_descent_is_below_its_bound() -> None:
    games = random_games(20, UNSEEN, likeness=1.0)
    size = float(ranges_of(games).scores.max())
    rule = OptimisticDescent(2 * size, size / 2)
    curves = follow(games, rule, 1000).curves
    for horizon, gap in zip(curves.iterations, curves.average_gap, strict=True):
        assert (gap <= optimistic_bound(games, rule, int(horizon))).all()


def test_bounds_worked_by_hand() -> None:
    games = make_games([[[0.0, 2.0], [1.0, 1.0]]], likeness=[1.0, 0.0])
    # Scores in [0, 2], costs in [1, 3] and 1: R = R' = 2.
    np.testing.assert_allclose([*ranges_of(games)], [[2.0], [2.0]])
    rule = MirrorDescent(adversary_kl=4.0, defender_kl=1.0)
    log2, steps = np.log(2), np.log(8 * 2 / np.log(2))
    expected = (2 + log2 * (1 + steps) + 4 * log2) / 8 + 4 / (8 * 4)
    np.testing.assert_allclose(mirror_bound(games, rule, 8), [expected])
    unseen = make_games(games.payoff, [0, 0], likeness=[1.0, 0.0])
    expected = (log2 + 4 * log2) / 8 + 4 / 8 + 4 / (8 * 4)
    np.testing.assert_allclose(mirror_bound(unseen, rule, 8), [expected])
    quick = OptimisticDescent(adversary_kl=4.0, defender_kl=1.0)
    expected = (4 * log2 + log2 + 4 / 16 + 4 / 4) / 8
    np.testing.assert_allclose(optimistic_bound(unseen, quick, 8), [expected])
    coefficients = horizon_coefficients(games, 8)
    np.testing.assert_allclose(coefficients.adversary_kl, 2 / np.sqrt(log2))
    np.testing.assert_allclose(coefficients.defender_kl, 2 / np.sqrt(log2))


def test_where_there_is_no_bound() -> None:
    between = random_games(1, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    with pytest.raises(ConfigurationError, match="information has 2 sets for 10 prompts"):
        mirror_bound(between, MirrorDescent(1.0, 1.0), 10)
    for games, coefficient in ((between, 1.0), (random_games(1, UNSEEN), 0.5)):
        with pytest.raises(ConfigurationError, match="a product of at least"):
            optimistic_bound(games, OptimisticDescent(coefficient, coefficient), 10)
    for payoff in (np.ones((1, 3, 2)), [[[0.0], [1.0]]]):
        with pytest.raises(ConfigurationError, match="there is something to learn"):
            horizon_coefficients(make_games(payoff), 10)


def distance(policies: Policies) -> float:
    """KL from the equilibrium of `PENNIES` to a pair of policies."""
    sides = policies.adversary[0], policies.defender[0, 0]
    return float(sum(THIRD @ np.log(THIRD / side) for side in sides))


def test_the_last_iterate_cycles_where_the_defender_sees_nothing() -> None:
    games = make_games(PENNIES, [0, 0])
    rule = horizon_coefficients(games, 10_000)
    run = list(islice(iterates(games, rule), 10_000))
    # It goes round the equilibrium, clockwise or not but never back, and away from it.
    angles = [np.arctan2(at.defender[0, 0, 0] - 1 / 3, at.adversary[0, 0] - 1 / 3) for at in run]
    turns = np.diff(np.unwrap(angles)) / (2 * np.pi)
    assert (turns > 0).all() or (turns < 0).all()
    assert abs(turns.sum()) > 5
    assert distance(run[-1]) > distance(run[0])
    curves = follow(games, rule, 10_000, range(9000, 10_001, 20)).curves
    assert curves.last_gap.max() > 0.5
    assert curves.average_gap.max() < 0.02


def test_the_last_iterate_converges_in_the_papers_game() -> None:
    games = random_games(20, SEEN)
    curves = follow(games, horizon_coefficients(games, 10_000), 10_000).curves
    # Never up again, to nothing, and far below the average.
    assert (np.diff(curves.last_gap, axis=0) < 1e-12).all()
    assert np.median(curves.last_gap[-1] / curves.average_gap[-1]) < 0.05


def test_there_the_defender_does_not_look_at_the_adversary() -> None:
    payoff = random_games(1, SEEN).payoff
    rule = MirrorDescent(1.0, 1.0)
    one, other = (
        follow(make_games(payoff, likeness=likeness), rule, 50).last
        for likeness in (np.zeros(10), np.arange(10.0))
    )
    assert np.abs(one.adversary - other.adversary).max() > 0.5
    np.testing.assert_array_equal(one.defender, other.defender)


@pytest.mark.parametrize("defender", [0.0, 0.2])
def test_the_regularised_last_iterate_reaches_the_closed_form(defender: float) -> None:
    games = random_games(20, SEEN, likeness=0.5)
    entropy = Entropy(adversary=0.1, defender=defender)
    expected = regularised_equilibrium(games, entropy)
    np.testing.assert_allclose(nash_gaps(games, expected, entropy), 0.0, atol=1e-12)
    # The plain gap is what entropy costs.
    assert (nash_gaps(games, expected) > 0.01).all()
    run = follow(games, RegularisedDescent(1.0, 0.02, entropy), 400)
    np.testing.assert_allclose(run.last.adversary, expected.adversary, atol=1e-8)
    if defender:
        np.testing.assert_allclose(run.last.defender, expected.defender, atol=1e-8)
    assert (run.curves.last_regularised_gap[-1] < 1e-8).all()
    assert (run.curves.average_regularised_gap[-1] > 1e-5).all()


def test_the_regularised_equilibrium_where_the_defender_sees_nothing() -> None:
    games = make_games(PENNIES, [0, 0])
    tau = 0.3

    # The adversary's problem once the defender has answered at its softest best.
    def worst(logit: np.ndarray) -> float:
        mu = np.array([1.0, np.exp(logit[0])]) / (1 + np.exp(logit[0]))
        worth = mu @ games.payoff[0]
        return float(tau * np.log(np.exp(worth / tau).sum()) + tau * mu @ np.log(mu))

    found = minimize(worst, np.zeros(1), tol=1e-14).x[0]
    expected = 1 / (1 + np.exp(found))
    for rule in (
        MagneticDescent(kl=4 / (4 * tau), pull=tau),
        RegularisedDescent(4.0, 4.0, Entropy(tau, tau)),
    ):
        run = follow(games, rule, 500)
        assert run.last.adversary[0, 0] == pytest.approx(expected, abs=1e-6)
        assert run.curves.last_regularised_gap[-1] < 1e-10
        assert run.curves.last_gap[-1] > 0.01


@pytest.mark.parametrize(
    "rule", [OptimisticDescent(2.0, 2.0), MagneticDescent(kl=2.0, pull=0.5, magnet_every=20)]
)
def test_the_last_iterate_of_the_faster_algorithms_converges(
    rule: OptimisticDescent | MagneticDescent,
) -> None:
    last = follow(make_games(PENNIES, [0, 0]), rule, 2000).last
    np.testing.assert_allclose(last.adversary[0], THIRD, atol=1e-6)
    np.testing.assert_allclose(last.defender[0, 0], THIRD, atol=1e-6)
    # The environment's equilibrium comes from a linear program.
    solved = make_matrix_game(PENNIES[0], [0, 0]).equilibrium
    np.testing.assert_allclose(solved.adversary, THIRD, atol=1e-9)


def test_the_average_comes_to_the_value_of_a_linear_program() -> None:
    games = random_games(5, UNSEEN)
    run = follow(games, OptimisticDescent(1.0, 1.0), 5000)
    assert run.average is not None
    for row in range(5):
        solved = make_matrix_game(games.payoff[row], UNSEEN)
        value = solved.expected(run.average.adversary[row], run.average.defender[row])
        assert value == pytest.approx(solved.value, abs=2e-3)


def test_the_adversary_collapses_and_what_prevents_it() -> None:
    plain = random_games(20, SEEN)
    rule = MirrorDescent(1.0, 1.0)
    collapsed = follow(plain, rule, 3000).curves.last_entropy[-1]
    assert (collapsed < 1e-3).mean() > 0.9
    soft = RegularisedDescent(1.0, 1.0, Entropy(adversary=0.1))
    assert (follow(plain, soft, 3000).curves.last_entropy[-1] > np.log(2)).all()
    # A prompt that is like itself alone: the more often, the dearer.
    spread = make_games(plain.payoff, likeness_matrix=0.5 * np.eye(10))
    last = follow(spread, rule, 3000, [3000]).last
    assert (entropies(last.adversary) > np.log(2)).all()
    assert (nash_gaps(spread, last) < 0.01).all()


def test_information_in_between() -> None:
    # Nothing is proved of it here; what is seen is that the average goes on improving.
    games = random_games(20, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    rule = horizon_coefficients(games, 3000)
    curves = follow(games, rule, 3000, [30, 300, 3000]).curves
    worst = curves.average_gap.max(axis=1)
    assert worst[2] < worst[1] / 2 < worst[0] / 2


def test_equilibria_without_a_closed_form() -> None:
    for games, entropy in (
        (random_games(1, UNSEEN), Entropy(0.1, 0.1)),
        (random_games(1, SEEN), Entropy(0.0, 0.1)),
        (make_games(PENNIES, likeness_matrix=np.eye(2)), Entropy(0.1, 0.1)),
    ):
        with pytest.raises(ConfigurationError, match="no closed form"):
            regularised_equilibrium(games, entropy)
