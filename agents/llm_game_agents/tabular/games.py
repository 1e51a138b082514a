"""Matrix games, many of one size at a time, and what either side learns from of the other's policy.

With score R(x, y), fixed likeness ℓ(x) and likeness matrix L, one game of the batch is

    J(π, μ) = Σ_x μ(x) [ Σ_y π(y | k(x)) R(x, y) + ℓ(x) ] + Σ_xx' μ(x) L(x, x') μ(x'),

which the defender π maximises and the adversary μ minimises (Zheng et al. 2024, Section 3, where
-R_div is the likeness of a prompt to what the adversary writes). The last term is the mean likeness
of two prompts drawn from μ; L must make it convex, else a best response is no convex program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import MatrixGame, make_matrix_game

_ROUNDING = 1e-9  # An eigenvalue that far below 0, beside the largest, is a rounding error.


class Policies(NamedTuple):
    """Both sides' policies in G games.

    Attributes:
        adversary: μ, float64 [G, X].
        defender: π, float64 [G, K, Y].
    """

    adversary: np.ndarray
    defender: np.ndarray


class Entropy(NamedTuple):
    """What entropy is worth, in units of the score a nat; at least 0.

    The regularised game is J - adversary · H(μ) + defender · Σ_k μ(k) H(π(· | k)), with μ(k) the
    probability of an information set. With `defender=0` its entropy does not enter J.
    """

    adversary: float = 0.0
    defender: float = 0.0


NO_ENTROPY = Entropy()


class Signals(NamedTuple):
    """What the two sides learn from.

    Attributes:
        costs: float64 [G, X], the derivative of J by μ: what a prompt costs the adversary.
        worth: float64 [G, K, Y], the mean score of a response, given what the defender sees; 0
            for an information set that is never seen.
    """

    costs: np.ndarray
    worth: np.ndarray


@dataclass(frozen=True, eq=False)
class TabularGames:
    """G games of one size and one information; made and checked by `make_games`.

    Attributes:
        payoff: float64 [G, X, Y], the defender's score.
        information: int64 [X], what the defender sees of each prompt: 0 to K - 1.
        likeness: float64 [G, X], a fixed cost of each prompt to the adversary.
        likeness_matrix: float64 [G, X, X], symmetric, or None: likeness to the adversary itself.
    """

    payoff: np.ndarray
    information: np.ndarray
    likeness: np.ndarray
    likeness_matrix: np.ndarray | None = None

    @cached_property
    def num_information_sets(self) -> int:
        """K."""
        return int(self.information.max()) + 1

    @cached_property
    def sighted(self) -> bool:
        """Whether the defender sees the prompt, row x of its policy belonging to prompt x."""
        return np.array_equal(self.information, np.arange(self.payoff.shape[1]))

    def uniform(self) -> Policies:
        """Where the idealised algorithms start."""
        games, prompts, responses = self.payoff.shape
        sets = self.num_information_sets
        return Policies(
            np.full((games, prompts), 1 / prompts),
            np.full((games, sets, responses), 1 / responses),
        )

    def scores(self, defender: np.ndarray) -> np.ndarray:
        """Σ_y π(y | k(x)) R(x, y) for policies [G, K, Y]; float64 [G, X]."""
        if self.num_information_sets == 1:
            return np.matmul(self.payoff, defender[:, 0, :, None])[:, :, 0]
        seen = defender if self.sighted else defender[:, self.information]
        return np.einsum("gxy,gxy->gx", self.payoff, seen)

    def reach(self, adversary: np.ndarray) -> np.ndarray:
        """μ(k), the probability of every information set, float64 [G, K]."""
        return self._per_set(adversary[:, :, None])[:, :, 0]

    def worth(self, adversary: np.ndarray) -> np.ndarray:
        """Σ_{x in k} μ(x) R(x, y) for policies [G, X]; float64 [G, K, Y]."""
        if self.num_information_sets == 1:
            return np.matmul(adversary[:, None], self.payoff)
        return self._per_set(adversary[:, :, None] * self.payoff)

    def likeness_to_self(self, adversary: np.ndarray) -> np.ndarray:
        """(L μ)(x), the mean likeness of a prompt to one of μ's, float64 [G, X]; 0 without L."""
        if self.likeness_matrix is None:
            return np.zeros_like(adversary)
        return np.matmul(self.likeness_matrix, adversary[:, :, None])[:, :, 0]

    def signals(self, policies: Policies, entropy: Entropy = NO_ENTROPY) -> Signals:
        """What either side learns from against the other's policy.

        The defender's is a conditional mean: it learns as much about a rare prompt as about a
        frequent one, as in the paper, where π_{t+1}(y | x) ∝ π_t(y | x) exp(R(x, y) / β).
        """
        costs = self.scores(policies.defender) + self.likeness
        if self.likeness_matrix is not None:
            costs = costs + 2 * self.likeness_to_self(policies.adversary)
        if entropy.defender:
            costs += entropy.defender * entropies(policies.defender)[:, self.information]
        if self.sighted:
            return Signals(costs, self.payoff)
        worth = self.worth(policies.adversary)
        if self.num_information_sets > 1:
            reach = self.reach(policies.adversary)[:, :, None]
            worth = np.divide(worth, reach, out=np.zeros_like(worth), where=reach > 0)
        return Signals(costs, worth)

    def part(self, first: int, last: int) -> "TabularGames":
        """The games from `first` to before `last`, not copied."""
        matrix = self.likeness_matrix
        return TabularGames(
            self.payoff[first:last],
            self.information,
            self.likeness[first:last],
            None if matrix is None else matrix[first:last],
        )

    def _per_set(self, by_prompt: np.ndarray) -> np.ndarray:
        """Sums over the prompts of each information set, [G, X, …] to [G, K, …]."""
        if self.sighted:
            return by_prompt
        order = np.argsort(self.information, kind="stable")
        starts = np.searchsorted(self.information[order], np.arange(self.num_information_sets))
        return np.add.reduceat(by_prompt[:, order], starts, axis=1)


def make_games(
    payoff: ArrayLike,
    information: ArrayLike | None = None,
    likeness: ArrayLike | None = None,
    likeness_matrix: ArrayLike | None = None,
) -> TabularGames:
    """Checks the parts of G games and puts them together.

    Args:
        payoff: [G, X, Y], finite: the defender's scores.
        information: whole numbers [X] as in `matrix_v0`, the same for all games. None: the
            defender sees the prompt, the paper's game. All zeros: nothing, the simultaneous game.
        likeness: [G, X] or [X], finite; none by default.
        likeness_matrix: [G, X, X] or [X, X], finite and symmetric, with zᵀ L z ≥ 0 for every z
            whose entries add up to 0; none by default. Positive semidefinite ones are such: every
            matrix of cosines.

    Raises:
        ConfigurationError: a part has the wrong shape or an unusable entry, or L is not convex.
    """
    scores = _floats("payoff", payoff)
    if scores.ndim != 3 or not scores.size:
        raise ConfigurationError(
            f"payoff has the shape {scores.shape}; give [games, prompts, responses], none of them "
            f"0; one game is payoff[None]"
        )
    games, prompts, _ = scores.shape
    costs = np.zeros((games, prompts)) if likeness is None else _floats("likeness", likeness)
    costs = _for_each(costs, "likeness", (games, prompts))
    # One game's checks are those of the environment, and information is the same for all.
    checked = [
        make_matrix_game(score, information, cost)
        for score, cost in zip(scores, costs, strict=True)
    ]
    if likeness_matrix is None:
        return TabularGames(scores, checked[0].information, costs)
    shape = (games, prompts, prompts)
    matrix = _for_each(_floats("likeness_matrix", likeness_matrix), "likeness_matrix", shape)
    _check_convex(matrix)
    return TabularGames(scores, checked[0].information, costs, matrix)


def stack_games(games: Sequence[MatrixGame]) -> TabularGames:
    """The games of `matrix_v0` as one batch; `env.unwrapped.game` is one.

    Raises:
        ConfigurationError: there are none, or they differ in size or information.
    """
    if not games or any(
        game.payoff.shape != games[0].payoff.shape
        or not np.array_equal(game.information, games[0].information)
        for game in games
    ):
        raise ConfigurationError(
            f"games={brief(games)} must be at least one, of one shape and one information"
        )
    return make_games(
        np.stack([game.payoff for game in games]),
        games[0].information,
        np.stack([game.likeness for game in games]),
    )


def entropies(policies: np.ndarray) -> np.ndarray:
    """Entropy over the last axis in nats, [..., N] to [...]; 0 log 0 = 0."""
    return -(policies * np.log(np.where(policies > 0, policies, 1.0))).sum(axis=-1)


def _check_convex(matrix: np.ndarray) -> None:
    scale = max(float(np.abs(matrix).max()), np.finfo(float).tiny)
    if np.abs(matrix - matrix.transpose(0, 2, 1)).max() > _ROUNDING * scale:
        raise ConfigurationError("likeness_matrix is not symmetric; take the mean of it and its .T")
    # Only differences of policies matter, and their entries add up to 0.
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=2, keepdims=True)
    least = float(np.linalg.eigvalsh(centred).min())
    if least < -_ROUNDING * scale * matrix.shape[1]:
        raise ConfigurationError(
            "likeness_matrix makes the adversary's problem not convex (least eigenvalue "
            f"{least:.3g} among policies); add at least {-least:.3g} to its diagonal"
        )


def _floats(name: str, values: ArrayLike) -> np.ndarray:
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} must be an array of numbers ({error}), got {brief(values)}"
        ) from error
    if not np.isfinite(numbers).all():
        raise ConfigurationError(f"{name} holds numbers that are not finite; replace them")
    return numbers


def _for_each(values: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One game's values for all of them, where only one's are given."""
    if values.shape in (shape, shape[1:]):
        return np.ascontiguousarray(np.broadcast_to(values, shape))
    raise ConfigurationError(
        f"{name} has the shape {values.shape}; give {shape}, or {shape[1:]} for all games alike"
    )
