"""The adversary's best response where it is charged for likeness to itself."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from llm_game_agents.tabular import Policies, make_games, nash_gaps
from llm_game_agents.tabular import quadratic as module
from llm_game_agents.tabular.quadratic import least_quadratic
from llm_game_env.errors import TrainingError


def test_two_prompts_worked_by_hand() -> None:
    # μ₂ + μ₁² + μ₂² is least where 2 μ₁ = 1 + 2 μ₂: at (3/4, 1/4).
    assert least_quadratic(np.array([0.0, 1.0]), np.eye(2)) == pytest.approx(7 / 8, abs=1e-8)
    # A prompt that is too dear is not asked at all.
    assert least_quadratic(np.array([0.0, 5.0]), np.eye(2)) == pytest.approx(1.0, abs=1e-8)
    # Off the diagonal: μ₁² + μ₂² + 2 · 0.5 μ₁ μ₂ at one half each.
    alike = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert least_quadratic(np.zeros(2), alike) == pytest.approx(0.75, abs=1e-8)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_diagonal_fills_up_like_water(size: float) -> None:
    rng = np.random.default_rng(3)
    costs, diagonal = rng.random(30), 0.1 + rng.random(30)

    # μ(x) = max(0, level - c(x)) / (2 d(x)) with the level at which they add up to 1.
    def excess(level: float) -> float:
        return float((np.maximum(0, level - costs) / (2 * diagonal)).sum() - 1)

    level: Any = brentq(excess, 0.0, 10.0, xtol=1e-14)
    policy = np.maximum(0, level - costs) / (2 * diagonal)
    expected = size * float(policy @ costs + policy**2 @ diagonal)
    found = least_quadratic(size * costs, size * np.diag(diagonal))
    assert expected - 1e-6 * size <= found <= expected + 1e-12 * size


def test_a_gap_with_a_matrix_is_0_at_the_equilibrium() -> None:
    # One response: the adversary alone decides, as in the example worked by hand.
    games = make_games([[[0.0], [1.0]]], likeness_matrix=np.eye(2))
    best = Policies(np.array([[0.75, 0.25]]), np.ones((1, 2, 1)))
    other = Policies(np.array([[1.0, 0.0]]), np.ones((1, 2, 1)))
    assert nash_gaps(games, best)[0] == pytest.approx(0.0, abs=1e-8)
    assert nash_gaps(games, other)[0] == pytest.approx(1 / 8, abs=1e-8)


def test_what_was_not_found_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SLACK", -1.0)
    with pytest.raises(TrainingError, match="scale the game's entries"):
        least_quadratic(np.array([0.0, 1.0]), np.eye(2))
