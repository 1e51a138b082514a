"""The Nash gap of Definition 3.1, max_π' J(π', μ) - min_μ' J(π, μ'), for a batch of games.

In the plain game the two best responses are a maximum and a minimum over single actions. With
entropy they are soft ones: the best μ is ∝ exp(-c / η_H), and pays -η_H log Σ_x exp(-c(x) / η_H), c
what each prompt costs; the same for the defender. At an equilibrium of the regularised game its
own gap is 0 and the plain gap is not. With a likeness matrix the adversary's best response is a
quadratic program (`quadratic`).
"""

import numpy as np

from llm_game_agents.tabular.games import NO_ENTROPY, Entropy, Policies, TabularGames, entropies
from llm_game_agents.tabular.quadratic import least_quadratic


def nash_gaps(games: TabularGames, policies: Policies, entropy: Entropy = NO_ENTROPY) -> np.ndarray:
    """The gap of a pair of policies in each game, float64 [G], at least 0 but for rounding.

    Args:
        games: G of them.
        policies: distributions, not checked.
        entropy: of the regularised game; none by default, which is the plain gap.
    """
    costs = games.scores(policies.defender) + games.likeness
    if entropy.defender:
        costs += entropy.defender * entropies(policies.defender)[:, games.information]
    return most_for_defender(games, policies.adversary, entropy) - least_for_adversary(
        games, costs, entropy.adversary
    )


def most_for_defender(
    games: TabularGames, adversary: np.ndarray, entropy: Entropy = NO_ENTROPY
) -> np.ndarray:
    """max_π J(π, μ) for policies [G, X]; float64 [G]."""
    own = games.likeness + games.likeness_to_self(adversary)
    paid = (adversary * own).sum(axis=1) - entropy.adversary * entropies(adversary)
    if games.sighted and not entropy.defender:
        return paid + (adversary * games.payoff.max(axis=2)).sum(axis=1)
    worth = games.worth(adversary)
    most = worth.max(axis=2)
    if entropy.defender:
        # Σ_k of the greatest Σ_y π(y) worth(k, y) + μ(k) τ H(π), which is μ(k) τ log Σ_y exp(…).
        scale = entropy.defender * games.reach(adversary)
        seen = scale > 0
        above = (worth - most[:, :, None]) / np.where(seen, scale, 1.0)[:, :, None]
        most = most + np.where(seen, scale * np.log(np.exp(above).sum(axis=2)), 0.0)
    return paid + most.sum(axis=1)


def least_for_adversary(games: TabularGames, costs: np.ndarray, entropy: float = 0.0) -> np.ndarray:
    """min_μ Σ_x μ(x) costs(x) + μᵀ L μ - entropy · H(μ) for costs [G, X]; float64 [G]."""
    if games.likeness_matrix is not None:
        pairs = zip(costs, games.likeness_matrix, strict=True)
        return np.array([least_quadratic(cost, matrix, entropy) for cost, matrix in pairs])
    least = costs.min(axis=1)
    if entropy:
        above = np.exp((least[:, None] - costs) / entropy)
        least = least - entropy * np.log(above.sum(axis=1))
    return least
