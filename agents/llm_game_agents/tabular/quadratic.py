"""The adversary's best response where it is charged for likeness to itself.

    min over μ of  Σ_x μ(x) c(x) + Σ_xx' μ(x) L(x, x') μ(x') - η_H H(μ),

a convex quadratic program if η_H is 0 (`make_games` refuses any other L). SciPy minimises it, and
convexity tells how far from the minimum that can be: f(μ) - min f ≤ ∇f(μ)·μ - min_x ∇f(μ)_x. What
is returned is f(μ) less that, so that a Nash gap is never understated.
"""

from typing import Any

import numpy as np

from llm_game_agents.tabular.rule import softmax
from llm_game_env.errors import TrainingError

MAX_SLACK = 1e-5  # Beside the range of the costs.


def least_quadratic(costs: np.ndarray, matrix: np.ndarray, entropy: float = 0.0) -> float:
    """The least that any policy of the adversary pays: a lower bound, `MAX_SLACK` off at most.

    Args:
        costs: c, float64 [X].
        matrix: L, float64 [X, X], symmetric and convex among policies.
        entropy: η_H, at least 0.

    Raises:
        TrainingError: SciPy did not come that near.
    """
    scale = max(float(np.ptp(costs)), float(np.abs(matrix).max()), entropy, 1e-300)
    costs, matrix, entropy = costs / scale, matrix / scale, entropy / scale
    found = _smooth(costs, matrix, entropy) if entropy else _program(costs, matrix)
    value, slope = _objective(found, costs, matrix, entropy)
    slack = float(found @ slope - slope.min())
    if not slack <= MAX_SLACK:
        raise TrainingError(
            f"the adversary's best response was found to {scale * slack:.1e} only, for costs in "
            f"[{scale * costs.min():.3g}, {scale * costs.max():.3g}]; scale the game's entries to "
            "the order of 1"
        )
    return scale * (value - slack)


def _program(costs: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    # Imported here, as in the environment's closed form: few games need it.
    from scipy.optimize import minimize

    prompts = len(costs)
    solution: Any = minimize(
        lambda policy: _objective(policy, costs, matrix, 0.0),
        np.full(prompts, 1 / prompts),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * prompts,
        constraints={
            "type": "eq",
            "fun": lambda policy: policy.sum() - 1.0,
            "jac": np.ones_like,
        },
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    policy = np.clip(solution.x, 0.0, None)
    return policy / policy.sum()


def _smooth(costs: np.ndarray, matrix: np.ndarray, entropy: float) -> np.ndarray:
    """With entropy no probability is 0, so that the constraints go away in the logits."""
    from scipy.optimize import minimize

    def by_logits(logits: np.ndarray) -> tuple[float, np.ndarray]:
        policy = softmax(logits)
        value, slope = _objective(policy, costs, matrix, entropy)
        return value, policy * (slope - policy @ slope)

    start = -costs / entropy
    solution: Any = minimize(
        by_logits,
        start - start.max(),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-12, "maxiter": 10_000},
    )
    return softmax(solution.x)


def _objective(
    policy: np.ndarray, costs: np.ndarray, matrix: np.ndarray, entropy: float
) -> tuple[float, np.ndarray]:
    alike = matrix @ policy
    value, slope = policy @ (costs + alike), costs + 2 * alike
    if entropy:
        logs = np.log(np.maximum(policy, np.finfo(float).tiny))
        value, slope = value + entropy * (policy @ logs), slope + entropy * (logs + 1)
    return float(value), slope
