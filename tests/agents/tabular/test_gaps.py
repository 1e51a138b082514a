"""Nash gaps against a linear program, numerical best responses, and numbers worked by hand."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from llm_game_agents.tabular import Entropy, Policies, make_games, nash_gaps
from llm_game_agents.tabular.games import TabularGames


def programmed_gap(
    payoff: np.ndarray, information: np.ndarray, likeness: np.ndarray, policies: Policies
) -> float:
    """The gap by two linear programs over whole policies, none of the package's code in it."""
    mu, pi = policies.adversary[0], policies.defender[0]
    sets, responses = pi.shape
    # J as a linear function of π, an entry a (set, response), and of μ.
    of_pi = np.zeros((sets, responses))
    for prompt, seen in enumerate(information):
        of_pi[seen] += mu[prompt] * payoff[prompt]
    sums = np.kron(np.eye(sets), np.ones(responses))
    best_pi: Any = linprog(-of_pi.ravel(), A_eq=sums, b_eq=np.ones(sets))
    of_mu = np.array([payoff[x] @ pi[seen] + likeness[x] for x, seen in enumerate(information)])
    best_mu: Any = linprog(of_mu, A_eq=np.ones((1, len(mu))), b_eq=[1.0])
    return -best_pi.fun + float(mu @ likeness) - best_mu.fun


@pytest.mark.parametrize("sets", [1, 2, 5])
def test_the_plain_gap_is_that_of_linear_programs(sets: int) -> None:
    rng = np.random.default_rng(sets)
    payoff, likeness = rng.normal(size=(5, 3)), rng.normal(size=5)
    information = np.arange(5) % sets
    games = make_games(payoff[None], information, likeness)
    policies = Policies(rng.dirichlet(np.ones(5), 1), rng.dirichlet(np.ones(3), (1, sets)))
    expected = programmed_gap(payoff, information, likeness, policies)
    assert nash_gaps(games, policies)[0] == pytest.approx(expected, abs=1e-9)


def numerical_gap(games: TabularGames, policies: Policies, entropy: Entropy) -> float:
    """The regularised gap with both best responses searched for."""
    payoff, information = games.payoff[0], games.information
    sets, responses = policies.defender.shape[1:]

    def softmax(logits: np.ndarray) -> np.ndarray:
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def value(mu: np.ndarray, pi: np.ndarray) -> float:
        total = entropy.adversary * float(mu @ np.log(mu)) + float(mu @ games.likeness[0])
        for prompt, seen in enumerate(information):
            row = pi[seen]
            nats = -float(row @ np.log(row))
            total += mu[prompt] * (payoff[prompt] @ row + entropy.defender * nats)
        if games.likeness_matrix is not None:
            total += mu @ games.likeness_matrix[0] @ mu
        return float(total)

    mu, pi = policies.adversary[0], policies.defender[0]
    most = minimize(
        lambda z: -value(mu, softmax(z.reshape(sets, responses))), np.zeros(sets * responses)
    )
    least = minimize(lambda z: value(softmax(z), pi), np.zeros(len(mu)))
    return float(-most.fun - least.fun)


@pytest.mark.parametrize("sets", [1, 2, 4])
@pytest.mark.parametrize("with_matrix", [False, True])
def test_the_regularised_gap_is_that_of_numerical_best_responses(
    sets: int, with_matrix: bool
) -> None:
    rng = np.random.default_rng(sets)
    factor = rng.normal(size=(4, 2))
    games = make_games(
        rng.random((1, 4, 3)),
        np.arange(4) % sets,
        rng.random(4),
        factor @ factor.T if with_matrix else None,
    )
    policies = Policies(rng.dirichlet(np.ones(4), 1), rng.dirichlet(np.ones(3), (1, sets)))
    entropy = Entropy(adversary=0.3, defender=0.2)
    expected = numerical_gap(games, policies, entropy)
    assert nash_gaps(games, policies, entropy)[0] == pytest.approx(expected, abs=1e-6)


def test_entropy_of_the_adversary_alone_worked_by_hand() -> None:
    games = make_games([[[1.0], [0.0]]], [0, 0])
    policies = Policies(np.array([[0.5, 0.5]]), np.ones((1, 1, 1)))
    # J = 1/2 - log 2 against the least, -log(e^-1 + 1).
    expected = 0.5 - np.log(2) + np.log(np.exp(-1) + 1)
    assert nash_gaps(games, policies, Entropy(adversary=1.0))[0] == pytest.approx(expected)
    assert nash_gaps(games, policies)[0] == pytest.approx(0.5)


def test_a_policy_with_zeros_has_a_regularised_gap() -> None:
    games = make_games([[[1.0, 0.0], [0.0, 1.0]]])
    policies = Policies(np.array([[1.0, 0.0]]), np.array([[[1.0, 0.0], [0.0, 1.0]]]))
    # Neither has entropy. The defender could have log(e + 1), the adversary log 2 besides its 1.
    gap = nash_gaps(games, policies, Entropy(1.0, 1.0))[0]
    assert gap == pytest.approx(np.log(np.e + 1) - (1 - np.log(2)))
