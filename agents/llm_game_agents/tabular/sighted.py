"""Plain mirror descent in the paper's game, all iterates of the defender as matrix products.

The defender sees the prompt, so that its policies are known in advance, whatever is asked:

    π_{t+1}(y | x) ∝ w(y)^t,   w(y) = exp( (R(x, y) - max_y R(x, y)) / β )  in (0, 1].

With t = a B + b a power is a product w^(aB) · w^b. So the two sums over the responses that give
the mean score E_{π_t} R, for all t at once, are products of a matrix [T / B, Y] and one [Y, B] for
each prompt: the arithmetic of stepping, at the speed of matrix products. What is kept is the mean
score of each prompt and its sum over t, not the mean policy. The adversary's iterates follow from
those: μ_{t+1} ∝ exp( -Σ_{s≤t} c_s / η ).
"""

from itertools import pairwise
from typing import TypeGuard

import numpy as np

from llm_game_agents.tabular.curves import Curves, Run, after_each_other
from llm_game_agents.tabular.games import Policies, TabularGames, entropies
from llm_game_agents.tabular.gaps import least_for_adversary, most_for_defender
from llm_game_agents.tabular.mirror import MirrorDescent
from llm_game_agents.tabular.rule import Rule, softmax

_ROWS = 4  # Prompts at a time: their powers and sums stay in a core's second cache.
_SPAN = 48  # Iterates of the adversary at a time, for the same reason.
_KEPT = 1 << 23  # Mean scores at a time: 64 MiB.
_NOTHING = -80.0  # Beside the best response's weight of 1, e^-80 is lost in rounding.


def can_run_ahead(rule: Rule, games: TabularGames) -> TypeGuard[MirrorDescent]:
    """Whether this is that algorithm in that game, the adversary's term being linear."""
    return isinstance(rule, MirrorDescent) and games.sighted and games.likeness_matrix is None


def run_ahead(
    games: TabularGames, rule: MirrorDescent, iterations: int, checkpoints: list[int]
) -> Run:
    """Every iterate of plain mirror descent, and the gaps at the checkpoints.

    Args:
        games: for which `can_run_ahead`.
        rule: the coefficients.
        iterations: T.
        checkpoints: in order, from 1 to T.
    """
    num_games, prompts, responses = games.payoff.shape
    rows = games.payoff.reshape(-1, responses)
    spent = np.zeros((num_games, prompts))  # Σ c_s over the iterates before.
    visits = np.zeros((num_games, prompts))  # Σ μ_s.
    points: list[Curves] = []
    adversary = games.uniform().adversary
    stretch = max(1, _KEPT // len(rows))
    for first in range(0, iterations, stretch):
        last = min(first + stretch, iterations)
        scores = mean_scores(rows, rule.defender_kl, first, last)
        scores = scores.reshape(num_games, prompts, last - first)
        ends = [point for point in checkpoints if first < point <= last]
        for start, end in _spans(first, last, ends):
            costs = scores[:, :, start - first : end - first] + games.likeness[:, :, None]
            weights, sums = _adversary(spent, costs, rule.adversary_kl)
            spent += costs.sum(axis=2)
            visits += np.matmul(weights, 1 / sums[:, :, None])[:, :, 0]
            adversary = weights[:, :, -1] / sums[:, -1:]
            if end in ends:
                average = visits / end, spent / end
                points.append(_measure(games, end, *average, adversary, costs[:, :, -1]))
    known = games.payoff * ((iterations - 1) / rule.defender_kl)
    return Run(after_each_other(points), Policies(adversary, softmax(known)), None)


def mean_scores(payoff: np.ndarray, defender_kl: float, first: int, last: int) -> np.ndarray:
    """E_{π_t} R for t from `first` steps after the uniform policy to before `last`.

    Args:
        payoff: R, float64 [N, Y].
        defender_kl: β.
        first, last: steps taken, from 0.

    Returns:
        float64 [N, last - first].
    """
    steps = int(np.ceil(np.sqrt(last - first)))
    blocks = -(-(last - first) // steps)
    scores = np.empty((len(payoff), blocks * steps))
    for row in range(0, len(payoff), _ROWS):
        chunk = payoff[row : row + _ROWS]
        best = chunk.max(axis=1)
        below = chunk - best[:, None]
        within = _powers(below / defender_kl, steps).transpose(0, 2, 1)
        before = np.empty((len(chunk), 2 * blocks, chunk.shape[1]))
        weights, scored = before[:, :blocks], before[:, blocks:]
        begin = _exp(first * below / defender_kl)[:, None, :]
        np.multiply(_powers(steps * below / defender_kl, blocks), begin, out=weights)
        np.multiply(weights, below[:, None, :], out=scored)
        sums = before @ within
        means = sums[:, blocks:] / sums[:, :blocks] + best[:, None, None]
        scores[row : row + _ROWS] = means.reshape(len(chunk), -1)
    return scores[:, : last - first]


def _powers(logs: np.ndarray, count: int) -> np.ndarray:
    """The powers 0 to `count` - 1 of exp(logs), [N, Y] to [N, count, Y]: few of them by exp."""
    steps = int(np.ceil(np.sqrt(count)))
    fine = _exp(logs[:, None, :] * np.arange(steps)[:, None])
    coarse = _exp(logs[:, None, :] * np.arange(0, count, steps)[:, None])
    powers = coarse[:, :, None, :] * fine[:, None, :, :]
    return powers.reshape(len(logs), -1, logs.shape[1])[:, :count]


def _exp(logs: np.ndarray) -> np.ndarray:
    # Products of numbers next to 0 would be slow to make, and add nothing.
    return np.exp(np.where(logs < _NOTHING, -np.inf, logs))


def _adversary(
    spent: np.ndarray, costs: np.ndarray, adversary_kl: float
) -> tuple[np.ndarray, np.ndarray]:
    """The adversary's policies in a span of iterations, not yet divided by their sums.

    Args:
        spent: what each prompt has cost before the span, [G, X].
        costs: in the span, [G, X, S].
        adversary_kl: η.

    Returns:
        Weights [G, X, S] and their sums over the prompts, [G, S].
    """
    span = costs.shape[2]
    # Sums over the iterations before each one, as a product: adding up in turn is slower.
    logits = costs @ (np.triu(np.ones((span, span)), 1) / -adversary_kl)
    logits -= (spent / adversary_kl)[:, :, None]
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits, out=logits)
    return weights, weights.sum(axis=1)


def _spans(first: int, last: int, ends: list[int]) -> list[tuple[int, int]]:
    """Cuts a stretch so that every checkpoint is the end of a span."""
    cuts = sorted({*range(first, last, _SPAN), *ends, last})
    return list(pairwise(cuts))


def _measure(
    games: TabularGames,
    iteration: int,
    visits: np.ndarray,
    mean_costs: np.ndarray,
    adversary: np.ndarray,
    last_costs: np.ndarray,
) -> Curves:
    """One checkpoint, from what prompts cost instead of the defender's policies."""
    gaps = [
        most_for_defender(games, policy) - least_for_adversary(games, costs)
        for policy, costs in ((visits, mean_costs), (adversary, last_costs))
    ]
    values = (*gaps, *gaps, entropies(adversary))
    return Curves(np.array([iteration]), *(value[None] for value in values))
