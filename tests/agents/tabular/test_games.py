"""Batches of matrix games: what is computed of them, and what is refused."""

from typing import Any

import numpy as np
import pytest

from llm_game_agents.tabular import Entropy, Policies, entropies, make_games, stack_games
from llm_game_env import matrix_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import make_matrix_game

# Two prompts of one information set and one of another; two responses.
PAYOFF = [[[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]]
INFORMATION = [0, 0, 1]
LIKENESS = [0.5, 0.0, -1.0]
MATRIX = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 2.0]]
MU = np.array([[0.2, 0.6, 0.2]])
PI = np.array([[[0.75, 0.25], [0.5, 0.5]]])


def test_what_both_sides_learn_from() -> None:
    games = make_games(PAYOFF, INFORMATION, LIKENESS, MATRIX)
    costs, worth = games.signals(Policies(MU, PI))
    # Scores 0.75, 0.5, 2; likeness; and twice (0.2 + 0.3, 0.1 + 0.6, 0.4).
    np.testing.assert_allclose(costs, [[0.75 + 0.5 + 1.0, 0.5 + 1.4, 2.0 - 1.0 + 0.8]])
    # In the first set the prompts have the shares 1/4 and 3/4.
    np.testing.assert_allclose(worth, [[[0.25, 1.5], [3.0, 1.0]]])
    np.testing.assert_allclose(games.worth(MU), [[[0.2, 1.2], [0.6, 0.2]]])
    np.testing.assert_allclose(games.reach(MU), [[0.8, 0.2]])


def test_the_defenders_entropy_makes_a_prompt_dearer() -> None:
    games = make_games(PAYOFF, INFORMATION)
    plain, _ = games.signals(Policies(MU, PI))
    costs, _ = games.signals(Policies(MU, PI), Entropy(defender=2.0))
    quarter = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    np.testing.assert_allclose(costs - plain, [[2 * quarter, 2 * quarter, 2 * np.log(2)]])


def test_a_set_that_is_never_seen_teaches_nothing() -> None:
    games = make_games(PAYOFF, INFORMATION)
    _, worth = games.signals(Policies(np.array([[0.0, 0.0, 1.0]]), PI))
    np.testing.assert_array_equal(worth, [[[0.0, 0.0], [3.0, 1.0]]])


@pytest.mark.parametrize("information", [None, [0] * 6, [2, 0, 1, 1, 0, 2]])
def test_every_game_is_that_of_the_environment(information: list[int] | None) -> None:
    rng = np.random.default_rng(0)
    payoff, likeness = rng.random((3, 6, 4)), rng.random((3, 6))
    games = make_games(payoff, information, likeness)
    adversary = rng.dirichlet(np.ones(6), 3)
    defender = rng.dirichlet(np.ones(4), (3, games.num_information_sets))
    costs, _ = games.signals(Policies(adversary, defender))
    for row in range(3):
        game = make_matrix_game(payoff[row], information, likeness[row])
        expected = game.expected(adversary[row], defender[row])
        assert adversary[row] @ costs[row] == pytest.approx(expected)
        by_sets = (games.worth(adversary)[row] * defender[row]).sum()
        assert by_sets + adversary[row] @ likeness[row] == pytest.approx(expected)


def test_games_of_the_environment_make_a_batch() -> None:
    envs = [
        matrix_v0.raw_env(payoff=matrix_v0.random_payoff(3, 2, seed), information=[0, 1, 0])
        for seed in (1, 2)
    ]
    games = stack_games([env.game for env in envs])
    np.testing.assert_array_equal(games.payoff[1], envs[1].payoff)
    np.testing.assert_array_equal(games.information, [0, 1, 0])
    other = matrix_v0.raw_env(payoff=matrix_v0.random_payoff(3, 2, 0)).game
    for bad in ([], [envs[0].game, other]):
        with pytest.raises(ConfigurationError, match="must be at least one, of one shape"):
            stack_games(bad)


def test_entropy_in_nats() -> None:
    rows = np.array([[1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(entropies(rows), [0.0, np.log(2)])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"payoff": [[1.0, 2.0]]}, r"payoff has the shape \(1, 2\)"),
        ({"payoff": [[[1.0, np.nan]]]}, "payoff holds numbers that are not finite"),
        ({"payoff": [[["a"]]]}, "payoff must be an array of numbers"),
        ({"information": [0, 2, 2]}, "without a gap"),
        ({"likeness": [1.0]}, r"likeness has the shape \(1,\); give \(1, 3\), or \(3,\)"),
        ({"likeness_matrix": [[1.0]]}, r"likeness_matrix has the shape \(1, 1\)"),
        ({"likeness_matrix": np.triu(np.ones((3, 3)))}, "is not symmetric"),
        ({"likeness_matrix": -np.eye(3)}, r"not convex \(least eigenvalue -1 .*add at least 1 to"),
    ],
)
def test_what_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_games(**({"payoff": PAYOFF} | parts))


def test_a_matrix_need_be_convex_among_policies_only() -> None:
    # Every policy pays the same for it.
    make_games(PAYOFF, likeness_matrix=-np.ones((3, 3)))
