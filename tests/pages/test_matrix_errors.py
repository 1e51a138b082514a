"""The errors of matrix_v0's page; a move that is refused leaves the game alone."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llm_game_env import matrix_v0

NAN = float("nan")
NO_MODES: list[Any] = ["rgb_array", 3, True, np.array([1, 2])]
NO_AGENTS: list[Any] = ["judge_0", None, 0, np.array([1, 2])]
NO_COUNTS: list[Any] = [0, -1, 1.0, "2", None, True, NAN, [1]]
NO_MATRIX = [None, 3, "x", [1.0], [[1.0], [1.0, 2.0]], [[NAN]], [["a"]], [], [[]], {}, [[1j]]]
NO_SETS = [3, "x", [0], [0, 2], [-1, 0], [0.0, 1.0], [[0], [1, 2]], [True, False], ["0", "1"]]
NO_COSTS = [3, "x", [1.0], [NAN, 0.0], [None, 1], [[1.0, 2.0]], {}]
NO_POLICY = [None, 3, "x", [1.0], [0.5, 0.6], [1.5, -0.5], [NAN, 1.0], [["a", "b"]], {}]


def said(name: str, value: Any) -> str:
    return f"(?s)(?=.*{re.escape(name)})(?=.*{re.escape(repr(value)[:90])}).{{20,}}"


ARGUMENTS: dict[str, list[tuple[str, Callable[[], Any]]]] = {
    "a keyword that there is not": [
        ("'payof'", lambda: matrix_v0.env(payof=[[1.0]])),
        ("'render_mode'", lambda: matrix_v0.vector_env(2, render_mode="ansi")),  # pyright: ignore
    ],
    "`payoff`: no finite numbers [X, Y]": [
        (said("payoff", value), lambda v=value: matrix_v0.env(payoff=v)) for value in NO_MATRIX
    ],
    "`information`: no whole numbers [X] without a gap": [
        (said("information", value), lambda v=value: matrix_v0.env(information=v))
        for value in NO_SETS
    ],
    "`likeness`: no finite numbers [X]": [
        (said("likeness", value), lambda v=value: matrix_v0.vector_env(2, likeness=v))
        for value in NO_COSTS
    ],
    "`render_mode`: none of the choices": [
        (said("render_mode", value), lambda v=value: matrix_v0.raw_env(render_mode=v))
        for value in NO_MODES
    ],
    "`num_envs`, `num_prompts`, `num_responses`: no whole number from 1 on": [
        case
        for value in NO_COUNTS
        for case in (
            (said("num_envs", value), lambda v=value: matrix_v0.vector_env(v)),
            (said("num_prompts", value), lambda v=value: matrix_v0.random_payoff(v, 2, 0)),
            (said("num_responses", value), lambda v=value: matrix_v0.random_payoff(2, v, 0)),
        )
    ],
    "`agent`: not one of the agents": [
        case
        for value in NO_AGENTS
        for case in (
            (said("agent", value), lambda v=value: matrix_v0.raw_env().observe(v)),
            (said("agent", value), lambda v=value: matrix_v0.raw_env().action_space(v)),
            (said("agent", value), lambda v=value: matrix_v0.vector_env(2).observe(0, v)),
            (
                said("agent", value),
                lambda v=value: matrix_v0.raw_env().best_response(v, np.array([0.5, 0.5])),
            ),
        )
    ],
    "`adversary_policy`: no distribution [X]": [
        (
            said("adversary_policy", value),
            lambda v=value: matrix_v0.raw_env().nash_gap(v, np.eye(2)),
        )
        for value in NO_POLICY
    ],
    "`defender_policy`: no K distributions [K, Y]": [
        (
            said("defender_policy", value),
            lambda v=value: matrix_v0.raw_env().best_response("adversary_0", v),
        )
        for value in NO_POLICY
    ],
    "`questions`: none, or something else": [
        ("questions is empty", lambda: matrix_v0.gatekeeper_payoff([])),
        ("questions=3 must be a list", lambda: matrix_v0.gatekeeper_payoff(3)),  # pyright: ignore
        (r"questions holds \['x'\]", lambda: matrix_v0.gatekeeper_payoff(["x"])),  # pyright: ignore
    ],
}


@pytest.mark.parametrize("row", ARGUMENTS)
def test_arguments_of_the_matrix_game(row: str, refused: Callable[..., None]) -> None:
    for words, act in ARGUMENTS[row]:
        refused(matrix_v0, row, words, act)


MOVES: dict[str, list[tuple[str, str, Callable[[Any], Any]]]] = {
    "`seed`: no whole number from 0 on, nor N of them in the vector view": [
        *(
            (view, said("seed", value), lambda e, v=value: e.reset(seed=v))
            for view in ("raw_env", "parallel_env", "vector_env")
            for value in (-1, 0.5, "0", True, NAN, {})
        ),
        ("vector_env", r"seed=\[1\] has 1 entries for 2 games", lambda e: e.reset(seed=[1])),
        ("raw_env", r"seed=\[1\] must be", lambda e: e.reset(seed=[1])),
    ],
    "`options`: no dict": [
        (view, said("options", value), lambda e, v=value: e.reset(options=v))
        for view in ("raw_env", "parallel_env", "vector_env")
        for value in (3, "x", [1], True)
    ],
    "an action that is not in the agent's space": [
        *(
            (view, f"adversary_0 plays {re.escape(repr(value))}.*; give a whole number of", act)
            for value in (2, -1, 0.5, "0", None, [0], np.array([0]))
            for view, act in (
                ("raw_env", lambda e, v=value: e.step(v)),
                ("parallel_env", lambda e, v=value: e.step({"adversary_0": v})),
                ("vector_env", lambda e, v=value: e.step([0, v])),
            )
        ),
    ],
    "`parallel_env`: no dict, or nothing from the agent to move": [
        ("parallel_env", "actions=3 must be a dict", lambda e: e.step(3)),
        ("parallel_env", r"has the keys \['defender_0'\]", lambda e: e.step({"defender_0": 0})),
    ],
    "`vector_env`: no list of one action a game": [
        ("vector_env", "1 actions for 2 games", lambda e: e.step([0])),
        ("vector_env", "actions=None for 2 games", lambda e: e.step(None)),
    ],
}


@pytest.mark.parametrize("row", MOVES)
def test_moves_of_the_matrix_game(row: str, refused: Callable[..., None]) -> None:
    for view, words, act in MOVES[row]:
        env = getattr(matrix_v0, view)(**({"num_envs": 2} if view == "vector_env" else {}))
        env.reset(seed=0)
        refused(matrix_v0, row, words, lambda e=env, a=act: a(e))
        assert env.agents == ["adversary_0", "defender_0"]
        inner = getattr(env, "aec", env)
        assert inner.agent_selection == "adversary_0"
        assert np.unique(inner.last()[0]).tolist() == [2]


def test_steps_out_of_turn(refused: Callable[..., None], rows: Any) -> None:
    games = matrix_v0.vector_env(2)
    row = "`vector_env`: actions before the first reset, or after the end"
    refused(matrix_v0, row, "call reset", lambda: games.step([0, 0]))
    games.reset()
    games.step([0, 1])
    games.step([0, 1])
    refused(matrix_v0, row, "step with None", lambda: games.step([0, 0]))
    env = matrix_v0.env()
    before = "`env`: a step before the first reset"
    refused(matrix_v0, before, "reset", lambda: env.step(0))
    env.reset()
    env.step(0)
    env.step(0)
    after = "`env`: an action of an agent whose game has ended"
    refused(matrix_v0, after, "None", lambda: env.step(0))
    assert {*ARGUMENTS, *MOVES, row, before, after} == set(rows(matrix_v0))
