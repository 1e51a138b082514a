"""What theory promises of the averages after T iterations, and the coefficients it asks for.

Both sides' regrets add up to the gap of the averages. R is the range of the defender's scores, R'
that of the adversary's costs, X and Y how many prompts and responses there are.

The adversary's regret against any costs is at most η log X + T R'² / (8 η): that of exponential
weights. So is the defender's in the simultaneous game, β log Y + T R² / (8 β). In the paper's game
its policy does not depend on the adversary: after s steps the best response is at most
min(R, β log Y / s) better on every prompt, and the sum over s < T, an integral at most, gives

    R + β log Y · (1 + log⁺( T R / (β log Y) )).

For optimistic descent in the simultaneous game, what either side loses by the other's moves is made
up for by what it gains by their smallness where η β ≥ R². The regrets then add up to
η log X + β log Y + R'² / (4 η) + R² / (4 β), which does not grow with T (Proposition 7 of Syrgkanis
et al. 2015 with the first guess 0; a move of either policy by δ in the 1-norm changes the other's
signal by R δ / 2 at most).
"""

from typing import NamedTuple

import numpy as np

from llm_game_agents.tabular.games import TabularGames
from llm_game_agents.tabular.mirror import MirrorDescent
from llm_game_agents.tabular.optimistic import OptimisticDescent
from llm_game_env.checks import check_whole
from llm_game_env.errors import ConfigurationError


class Ranges(NamedTuple):
    """How far apart what either side can get is, in each game.

    Attributes:
        scores: R, float64 [G].
        costs: R', float64 [G]; at most R + the range of ℓ + 2 the range of L.
    """

    scores: np.ndarray
    costs: np.ndarray


def ranges_of(games: TabularGames) -> Ranges:
    """The ranges, over all prompts and responses."""
    scores = np.ptp(games.payoff, axis=(1, 2))
    costs = np.ptp(games.payoff + games.likeness[:, :, None], axis=(1, 2))
    if games.likeness_matrix is not None:
        costs = costs + 2 * np.ptp(games.likeness_matrix, axis=(1, 2))
    return Ranges(scores, costs)


def horizon_coefficients(games: TabularGames, horizon: int) -> MirrorDescent:
    """The coefficients of Theorem 3.2 for a run of T = `horizon` iterations, both O(√T).

    η = R' √(T / (8 log X)) and β = R √(T / (8 log Y)) make the bounds of exponential weights
    least. R and R' are the largest of the batch, since all games take the same coefficients.

    Raises:
        ConfigurationError: the horizon is no whole number of at least 1, or a side has no choice.
    """
    steps = check_whole("horizon", horizon) / 8
    _, prompts, responses = games.payoff.shape
    ranges = ranges_of(games)
    if prompts == 1 or responses == 1 or not ranges.scores.max() or not ranges.costs.max():
        raise ConfigurationError(
            f"payoff has the shape {games.payoff.shape} and scores in a range of "
            f"{ranges.scores.max():.3g}; with two prompts, two responses and scores that differ "
            "there is something to learn"
        )
    return MirrorDescent(
        adversary_kl=float(ranges.costs.max() * np.sqrt(steps / np.log(prompts))),
        defender_kl=float(ranges.scores.max() * np.sqrt(steps / np.log(responses))),
    )


def mirror_bound(games: TabularGames, rule: MirrorDescent, horizon: int) -> np.ndarray:
    """What the average's gap after T = `horizon` iterations is at most, float64 [G].

    Raises:
        ConfigurationError: the defender sees something of the prompt but not all; its policy
            depends on the adversary's then, and the KL between two of its policies on how often
            the adversary goes there, for which there is no such bound.
    """
    _, prompts, responses = games.payoff.shape
    ranges = ranges_of(games)
    price = rule.defender_kl * np.log(responses)
    if games.sighted:
        steps = np.log(np.maximum(horizon * ranges.scores / max(price, 1e-300), 1.0))
        defender = ranges.scores + price * (1 + steps)
    elif games.num_information_sets == 1:
        defender = price + horizon * ranges.scores**2 / (8 * rule.defender_kl)
    else:
        raise ConfigurationError(
            f"information has {games.num_information_sets} sets for {prompts} prompts; the bound "
            "is for a defender that sees the prompt, or nothing"
        )
    adversary = rule.adversary_kl * np.log(prompts)
    adversary = adversary + horizon * ranges.costs**2 / (8 * rule.adversary_kl)
    return (defender + adversary) / horizon


def optimistic_bound(games: TabularGames, rule: OptimisticDescent, horizon: int) -> np.ndarray:
    """The same for optimistic descent in the simultaneous game, float64 [G].

    Raises:
        ConfigurationError: the defender sees something of the prompt, there is a likeness matrix,
            or the product of the coefficients is below the square of the range of the scores.
    """
    _, prompts, responses = games.payoff.shape
    ranges = ranges_of(games)
    product = rule.adversary_kl * rule.defender_kl
    least = float(ranges.scores.max()) ** 2
    if games.num_information_sets > 1 or games.likeness_matrix is not None or product < least:
        raise ConfigurationError(
            f"no bound for {games.num_information_sets} information sets and coefficients whose "
            f"product is {product:.3g}; give a simultaneous game without likeness_matrix and a "
            f"product of at least {least:.3g}"
        )
    regrets = rule.adversary_kl * np.log(prompts) + rule.defender_kl * np.log(responses)
    first = ranges.costs**2 / rule.adversary_kl + ranges.scores**2 / rule.defender_kl
    return (regrets + first / 4) / horizon
