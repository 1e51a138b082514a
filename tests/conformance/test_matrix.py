"""PettingZoo's own tests of the matrix game."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, render_test, seed_test

from llm_game_env import matrix_v0

PAYOFF = np.random.default_rng(0).random((4, 3))
VARIANTS: list[dict[str, Any]] = [
    {},
    {"payoff": PAYOFF},
    {"payoff": PAYOFF, "information": [0, 0, 0, 0], "likeness": [0.1, 0.2, 0.3, 0.4]},
]
# api_test wants a "good" number of dimensions of what it sees; a number has none.
pytestmark = pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")


@pytest.mark.parametrize("arguments", VARIANTS)
@pytest.mark.parametrize("make", [matrix_v0.env, matrix_v0.raw_env], ids=["env", "raw"])
def test_api_and_seeds(make: Callable[..., Any], arguments: dict[str, Any]) -> None:
    api_test(make(**arguments), num_cycles=60)
    seed_test(lambda: make(**arguments), num_cycles=30)


@pytest.mark.parametrize("arguments", VARIANTS)
def test_parallel_api(arguments: dict[str, Any]) -> None:
    parallel_api_test(matrix_v0.parallel_env(**arguments), num_cycles=60)


def test_render() -> None:
    render_test(matrix_v0.env)  # pyright: ignore[reportArgumentType] - it takes AEC ones too
