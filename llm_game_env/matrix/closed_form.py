"""The matrix game in closed form: best responses, Nash gap, value, equilibrium.

The adversary draws a prompt x from μ, the defender sees information set k(x) and draws a response y
from π. With score R(x, y) and a fixed likeness ℓ(x) of each prompt,

    J(π, μ) = Σ_x μ(x) [ Σ_y π(y | k(x)) R(x, y) + ℓ(x) ]

is what the defender maximises and the adversary minimises (Zheng et al. 2024, Section 3, with a
fixed likeness in place of -R_div). It is bilinear, so that the gap of Definition 3.1 needs no
search, and the value is that of a linear program.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from llm_game_env.checks import brief, check_numbers
from llm_game_env.errors import ConfigurationError
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER, agent_index

MAX_SUM_ERROR = 1e-6


class Equilibrium(NamedTuple):
    """A pair of policies that neither side can improve on.

    Attributes:
        adversary: float64 [X].
        defender: float64 [K, Y].
        value: J of the pair, the same for every equilibrium.
    """

    adversary: np.ndarray
    defender: np.ndarray
    value: float


@dataclass(frozen=True, eq=False)
class MatrixGame:
    """A finite game; made and checked by `make_matrix_game`.

    Attributes:
        payoff: float64 [X, Y], the defender's score of each response to each prompt.
        information: int64 [X], what the defender sees of each prompt: 0 to K - 1.
        likeness: float64 [X], what each prompt costs the adversary beside the score.
    """

    payoff: np.ndarray
    information: np.ndarray
    likeness: np.ndarray

    @property
    def num_prompts(self) -> int:
        """X."""
        return self.payoff.shape[0]

    @property
    def num_responses(self) -> int:
        """Y."""
        return self.payoff.shape[1]

    @cached_property
    def num_information_sets(self) -> int:
        """K."""
        return int(self.information.max()) + 1

    def expected(self, adversary: ArrayLike, defender: ArrayLike) -> float:
        """J of a pair of policies [X] and [K, Y].

        Raises:
            ConfigurationError: a policy has another shape, or its rows are no distributions.
        """
        return float(self._adversary(adversary) @ self._costs(self._defender(defender)))

    def best_response(self, agent: str, policy: ArrayLike) -> np.ndarray:
        """The deterministic policy of `agent` that is best against the other agent's `policy`.

        Of several best actions it takes the first.

        Args:
            agent: whose policy is wanted.
            policy: the other's: [K, Y] where the adversary's reply is wanted, else [X].

        Returns:
            float64 [X] for the adversary, [K, Y] for the defender.

        Raises:
            ConfigurationError: there is no such agent, or the policy is none.
        """
        if agent_index(agent) == DEFENDER:
            worth = self._worth(self._adversary(policy))
            return np.eye(self.num_responses)[worth.argmax(axis=1)]
        reply = np.zeros(self.num_prompts)
        reply[np.argmin(self._costs(self._defender(policy)))] = 1.0
        return reply

    def nash_gap(self, adversary: ArrayLike, defender: ArrayLike) -> float:
        """max_π' J(π', μ) - min_μ' J(π, μ'), at least 0 and 0 at an equilibrium (Definition 3.1).

        Raises:
            ConfigurationError: a policy has another shape, or its rows are no distributions.
        """
        prompts, responses = self._adversary(adversary), self._defender(defender)
        best_for_defender = self._worth(prompts).max(axis=1).sum() + prompts @ self.likeness
        return float(best_for_defender - self._costs(responses).min())

    @property
    def value(self) -> float:
        """J where both sides play their best."""
        return self.equilibrium.value

    @cached_property
    def equilibrium(self) -> Equilibrium:
        """One equilibrium: the defender's policy from a linear program, μ from its dual."""
        if self.num_information_sets == self.num_prompts:
            # The defender answers every prompt at its best, whatever the adversary does.
            defender = np.empty_like(self.payoff)
            defender[self.information] = np.eye(self.num_responses)[self.payoff.argmax(axis=1)]
            adversary = self.best_response(AGENTS[ADVERSARY], defender)
            return Equilibrium(adversary, defender, self.expected(adversary, defender))
        return self._solved()

    def _solved(self) -> Equilibrium:
        """max v such that v ≤ Σ_y π(y | k(x)) R(x, y) + ℓ(x) for every x."""
        # Imported here: it takes as long to load as the rest, and few games need it.
        from scipy import sparse
        from scipy.optimize import linprog

        rows, columns = self.payoff.shape
        sets = self.num_information_sets
        at = (np.repeat(np.arange(rows), columns), self._columns().ravel())
        scores = sparse.csr_array((self.payoff.ravel(), at), shape=(rows, sets * columns))
        constraints = sparse.hstack([-scores, np.ones((rows, 1))])
        ones = sparse.kron(sparse.eye_array(sets), np.ones((1, columns)))
        solution: Any = linprog(
            c=np.append(np.zeros(sets * columns), -1.0),
            A_ub=constraints,
            b_ub=self.likeness,
            A_eq=sparse.hstack([ones, sparse.csr_array((sets, 1))]),
            b_eq=np.ones(sets),
            bounds=[(0, None)] * (sets * columns) + [(None, None)],
            method="highs",
        )
        if not solution.success:
            raise ConfigurationError(
                f"payoff has no equilibrium that can be computed ({solution.message}); scale its "
                "entries to the order of 1"
            )
        defender = _normalised(solution.x[:-1].reshape(sets, columns))
        adversary = _normalised(-solution.ineqlin.marginals[None, :])[0]
        return Equilibrium(adversary, defender, float(solution.x[-1]))

    def _columns(self) -> np.ndarray:
        """Where π(y | k(x)) stands in the flattened defender's policy, int64 [X, Y]."""
        return self.information[:, None] * self.num_responses + np.arange(self.num_responses)

    def _costs(self, defender: np.ndarray) -> np.ndarray:
        """J of each prompt against a defender's policy [K, Y]; float64 [X]."""
        scores = np.einsum("xy,xy->x", defender[self.information], self.payoff)
        return scores + self.likeness

    def _worth(self, adversary: np.ndarray) -> np.ndarray:
        """Σ_{x in k} μ(x) R(x, y), float64 [K, Y]."""
        worth = np.zeros((self.num_information_sets, self.num_responses))
        np.add.at(worth, self.information, adversary[:, None] * self.payoff)
        return worth

    def _adversary(self, policy: ArrayLike) -> np.ndarray:
        return _distributions("adversary_policy", policy, (self.num_prompts,))

    def _defender(self, policy: ArrayLike) -> np.ndarray:
        shape = (self.num_information_sets, self.num_responses)
        return _distributions("defender_policy", policy, shape)


def make_matrix_game(
    payoff: ArrayLike, information: ArrayLike | None = None, likeness: ArrayLike | None = None
) -> MatrixGame:
    """Checks the parts of a game and puts them together.

    Args:
        payoff: [X, Y], finite: the defender's score of each response to each prompt.
        information: whole numbers [X], what the defender sees of each prompt: every number from 0
            to the greatest at least once. None: the prompt itself. All zeros: nothing.
        likeness: [X], finite: a fixed cost of each prompt to the adversary; none by default.

    Raises:
        ConfigurationError: a part has the wrong shape or an unusable entry.
    """
    scores = check_numbers("payoff", payoff)
    if scores.ndim != 2 or not scores.size:
        raise ConfigurationError(
            f"payoff has the shape {scores.shape}; give one row a prompt, one column a response, "
            f"got {brief(payoff)}"
        )
    rows = scores.shape[0]
    costs = np.zeros(rows) if likeness is None else check_numbers("likeness", likeness)
    if costs.shape != (rows,):
        raise ConfigurationError(
            f"likeness has the shape {costs.shape}; give one for {rows} rows, got {brief(likeness)}"
        )
    return MatrixGame(scores, _information(information, rows), costs)


def _information(information: ArrayLike | None, rows: int) -> np.ndarray:
    if information is None:
        return np.arange(rows)
    try:
        sets = np.asarray(information)
    except ValueError:  # lists of several lengths
        sets = np.empty(0)
    if sets.shape != (rows,) or not np.issubdtype(sets.dtype, np.integer):
        raise ConfigurationError(
            f"information has the shape {sets.shape} and type {sets.dtype}; give a whole number "
            f"for each of the {rows} prompts, got {brief(information)}"
        )
    present = np.unique(sets)
    if not np.array_equal(present, np.arange(len(present))):
        raise ConfigurationError(
            f"information names the sets {brief(present.tolist())}; number them 0, 1, 2 without a "
            "gap"
        )
    return sets.astype(np.int64)


def _distributions(name: str, policy: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    rows = check_numbers(name, policy)
    if rows.shape != shape:
        raise ConfigurationError(
            f"{name} has the shape {rows.shape}; it must be {shape}, got {brief(policy)}"
        )
    sums = rows.sum(axis=-1)
    if (rows < 0).any() or (abs(sums - 1.0) > MAX_SUM_ERROR).any():
        raise ConfigurationError(
            f"{name} must hold probabilities that add up to 1; the least is {rows.min():.3g}, the "
            f"sums go from {sums.min():.6g} to {sums.max():.6g} in {brief(policy)}"
        )
    return rows


def _normalised(rows: np.ndarray) -> np.ndarray:
    """Rows as distributions again, rounding errors of the solver taken out."""
    clipped = np.clip(rows, 0.0, None)
    return clipped / clipped.sum(axis=-1, keepdims=True)
