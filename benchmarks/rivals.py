"""PettingZoo's and TextArena's games, as subjects of the benchmarks."""

import importlib
import os
import random
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from interleaved import Subject
from loops import play_aec, play_parallel, play_textarena

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
if not find_spec("pygame"):  # PettingZoo's games draw with it.
    raise SystemExit("pygame is missing; run `python -m pip install -e '.[bench]'`")

# Not by their versioned names, whose import PettingZoo 1.27 warns of.
from pettingzoo.classic.connect_four import connect_four
from pettingzoo.classic.rps import rps
from pettingzoo.classic.tictactoe import tictactoe

Moves = list[list[int]]

_rng = random.Random(0)


def yardstick() -> Subject:
    """Rock, paper, scissors without wrappers: little more than PettingZoo's loop."""
    return Subject("rps, raw", partial(_rps_games, 100), partial(play_aec, rps.raw_env()))


def rivals() -> list[Subject]:
    """PettingZoo's small games, and TextArena's smallest where it is installed."""
    rps_games = partial(_rps_games, 20)
    tictactoe_games = partial(_random_games, tictactoe.raw_env(), 50)
    connect_four_games = partial(_random_games, connect_four.raw_env(), 10)
    subjects = [
        Subject("rps, env()", rps_games, partial(play_aec, rps.env())),
        Subject("rps, parallel", _rps_pairs, partial(play_parallel, rps.parallel_env())),
        Subject("tictactoe, raw", tictactoe_games, partial(play_aec, tictactoe.raw_env())),
        Subject("tictactoe, env()", tictactoe_games, partial(play_aec, tictactoe.env())),
        Subject("connect_four, raw", connect_four_games, partial(play_aec, connect_four.raw_env())),
        Subject("connect_four, env()", connect_four_games, partial(play_aec, connect_four.env())),
    ]
    if find_spec("textarena"):
        make = partial(importlib.import_module("textarena").make, "TicTacToe-v0")
        squares = partial(_in_brackets, tictactoe_games)
        subjects.append(Subject("TextArena TicTacToe", squares, partial(play_textarena, make)))
    return subjects


def _rps_games(num_games: int) -> Moves:
    return [_rng.choices(range(3), k=30) for _ in range(num_games)]  # 15 rounds, its default


def _rps_pairs() -> list[list[dict[str, int]]]:
    return [
        [{"player_0": a, "player_1": b} for a, b in zip(moves[::2], moves[1::2], strict=True)]
        for moves in _rps_games(20)
    ]


def _random_games(env: Any, num_games: int) -> Moves:
    """Legal moves of whole games, found by playing them."""
    games: Moves = []
    for _ in range(num_games):
        moves: list[int] = []
        env.reset()
        while not any(env.terminations.values()):
            mask = env.observe(env.agent_selection)["action_mask"]
            moves.append(_rng.choice(np.flatnonzero(mask).tolist()))
            env.step(moves[-1])
        games.append(moves)
    return games


def _in_brackets(draw: Callable[[], Moves]) -> list[list[str]]:
    return [[f"[{square}]" for square in moves] for moves in draw()]
