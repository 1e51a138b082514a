"""What is recorded of a run, and the two ways through it."""

from itertools import islice
from typing import Any

import numpy as np
import pytest

from llm_game_agents.tabular import (
    Entropy,
    MirrorDescent,
    Policies,
    RegularisedDescent,
    entropies,
    follow,
    iterates,
    log_spaced,
    make_games,
    nash_gaps,
    runs,
    sighted,
)
from llm_game_agents.tabular.stepping import run_stepwise
from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import make_matrix_game


@pytest.mark.parametrize("information", [None, [0] * 6, [0, 1, 0, 1, 2, 2]])
def test_gaps_are_those_of_the_environment(information: list[int] | None) -> None:
    rng = np.random.default_rng(0)
    payoff, likeness = rng.random((3, 6, 4)), rng.random(6)
    games = make_games(payoff, information, likeness)
    rule = MirrorDescent(1.0, 0.5)
    run = follow(games, rule, 40, [1, 7, 40])
    seen = list(islice(iterates(games, rule), 40))
    assert run.curves.iterations.tolist() == [1, 7, 40]
    for row in range(3):
        game = make_matrix_game(payoff[row], information, likeness)
        for point, count in enumerate((1, 7, 40)):
            sides = zip(*seen[:count], strict=True)
            average = [np.mean([policy[row] for policy in side], axis=0) for side in sides]
            expected = game.nash_gap(average[0], average[1])
            assert run.curves.average_gap[point, row] == pytest.approx(expected, abs=1e-9)
            last = seen[count - 1]
            expected = game.nash_gap(last.adversary[row], last.defender[row])
            assert run.curves.last_gap[point, row] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(run.last.adversary, seen[-1].adversary)
    np.testing.assert_allclose(run.last.defender, seen[-1].defender)
    np.testing.assert_allclose(run.curves.last_entropy[-1], entropies(run.last.adversary))


def test_regularised_gaps_are_those_of_the_average_and_the_last() -> None:
    games = make_games(np.random.default_rng(1).random((2, 5, 3)), [0] * 5)
    rule = RegularisedDescent(1.0, 1.0, Entropy(0.2, 0.1))
    run = follow(games, rule, 30)
    assert run.average is not None
    for policies, soft, plain in (
        (run.average, run.curves.average_regularised_gap, run.curves.average_gap),
        (run.last, run.curves.last_regularised_gap, run.curves.last_gap),
    ):
        np.testing.assert_allclose(soft[-1], nash_gaps(games, policies, rule.entropy))
        np.testing.assert_allclose(plain[-1], nash_gaps(games, policies))


@pytest.mark.parametrize("defender_kl", [1e-3, 0.3, 30.0])
@pytest.mark.parametrize("kept", [1 << 23, 300])
def test_running_ahead_is_stepping(
    kept: int, defender_kl: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    games = make_games(rng.normal(size=(3, 7, 4)), likeness=rng.random((3, 7)))
    rule = MirrorDescent(2.0, defender_kl)
    points = [1, 2, 63, 64, 65, 300]
    stepped = run_stepwise(games, rule, 300, points)
    # The small room makes for stretches of 14 iterations.
    monkeypatch.setattr(sighted, "_KEPT", kept)
    ahead = follow(games, rule, 300, points)
    assert ahead.average is None
    for name, values in vars(stepped.curves).items():
        np.testing.assert_allclose(getattr(ahead.curves, name), values, atol=1e-10)
    for side, expected in zip(ahead.last, stepped.last, strict=True):
        np.testing.assert_allclose(side, expected, atol=1e-10)


def test_mean_scores_worked_by_hand() -> None:
    # With scores log 2 and 0 and β = 1 the odds are 1, 2, 4, 8.
    means = sighted.mean_scores(np.array([[np.log(2), 0.0]]), 1.0, 0, 4)
    expected = np.log(2) * np.array([1 / 2, 2 / 3, 4 / 5, 8 / 9])
    np.testing.assert_allclose(means, [expected])
    later = sighted.mean_scores(np.array([[np.log(2), 0.0]]), 1.0, 2, 4)
    np.testing.assert_allclose(later, [expected[2:]])


def test_parts_of_a_batch_make_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    factor = rng.normal(size=(5, 4, 2))
    games = make_games(
        rng.random((5, 4, 3)), likeness_matrix=factor @ factor.transpose(0, 2, 1) / 4
    )
    rule = MirrorDescent(1.0, 1.0)
    whole = follow(games, rule, 20)
    monkeypatch.setattr(runs, "_CACHE_BYTES", 2 * games.payoff[0].nbytes)
    parted = follow(games, rule, 20)
    np.testing.assert_allclose(parted.curves.average_gap, whole.curves.average_gap, atol=1e-12)
    assert parted.average is not None
    assert whole.average is not None
    for side, expected in zip(parted.average, whole.average, strict=True):
        np.testing.assert_allclose(side, expected)


def test_checkpoints_are_spaced_by_logarithm() -> None:
    points = log_spaced(1000)
    assert points[0] == 1
    assert points[-1] == 1000
    assert len(points) == 28  # ten a decade, less what rounds to the same below 10
    assert log_spaced(1).tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"iterations": 0}, "iterations=0 must be a whole number"),
        ({"checkpoints": [0, 2]}, "checkpoint=0 must be a whole number"),
        ({"checkpoints": [2, 11]}, r"checkpoints=\[2, 11\] must be between 1 and iterations=10"),
        ({"checkpoints": []}, r"checkpoints=\[\] must be"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], message: str) -> None:
    games = make_games([[[1.0, 0.0], [0.0, 1.0]]])
    with pytest.raises(ConfigurationError, match=message):
        follow(games, MirrorDescent(1.0, 1.0), **(dict[str, Any](iterations=10) | arguments))


def test_policies_stay_distributions_over_long_runs() -> None:
    games = make_games(np.random.default_rng(5).random((4, 6, 5)), [0] * 6)
    last: Policies = follow(games, MirrorDescent(0.05, 0.05), 3000, [3000]).last
    for side in last:
        np.testing.assert_allclose(side.sum(axis=-1), 1.0)


@pytest.mark.parametrize("checkpoints", [[5], [1, 40, 99], [100]])
def test_the_last_iterate_is_that_after_the_last_iteration(checkpoints: list[int]) -> None:
    games = make_games(np.random.default_rng(0).random((3, 4, 5)))
    rule = MirrorDescent(adversary_kl=2.0, defender_kl=3.0)
    ahead = follow(games, rule, 100, checkpoints).last
    stepped = run_stepwise(games, rule, 100, checkpoints).last
    for one, other in zip(ahead, stepped, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
