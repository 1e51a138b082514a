"""Playing whole games through each API, by the loop that its documentation shows.

Every loop takes an environment and the moves of some games, and returns how many actions of one
game were played.
"""

from collections.abc import Sequence
from typing import Any


def play_aec(env: Any, games: Sequence[Sequence[Any]]) -> int:
    """PettingZoo's agent-environment cycle."""
    for moves in games:
        following = iter(moves)
        env.reset()
        for _ in env.agent_iter():
            _, _, terminated, truncated, _ = env.last()
            env.step(None if terminated or truncated else next(following))
    return sum(map(len, games))


def play_parallel(env: Any, games: Sequence[Sequence[dict[str, Any]]]) -> int:
    """PettingZoo's parallel API; moves by agent."""
    for moves in games:
        following = iter(moves)
        env.reset()
        while env.agents:
            env.step(next(following))
    return sum(len(move) for moves in games for move in moves)


def play_vector(env: Any, batches: Sequence[Sequence[Sequence[Any]]]) -> int:
    """This package's batch of games; moves by step, then row."""
    for moves in batches:
        following = iter(moves)
        env.reset()
        while env.agents:
            over = env.last().terminations.all()
            env.step(None if over else next(following))
    return sum(len(move) for moves in batches for move in moves)


def play_gymnasium(env: Any, games: Sequence[Sequence[Any]]) -> int:
    """Gymnasium's `Env`."""
    for moves in games:
        following = iter(moves)
        env.reset()
        over = False
        while not over:
            _, _, terminated, truncated, _ = env.step(next(following))
            over = terminated or truncated
    return sum(map(len, games))


def play_gymnasium_vector(env: Any, batches: Sequence[Sequence[Any]]) -> int:
    """Gymnasium's `VectorEnv`; moves by step, then row."""
    for moves in batches:
        env.reset()
        for move in moves:
            env.step(move)
    return sum(len(move) for moves in batches for move in moves)


def play_textarena(make: Any, games: Sequence[Sequence[str]]) -> int:
    """TextArena's loop, a fresh environment each game: what a used one says grows without end."""
    for moves in games:
        following = iter(moves)
        env = make()
        env.reset(num_players=2)
        over = False
        while not over:
            env.get_observation()
            over, _ = env.step(next(following))
        env.close()
    return sum(map(len, games))
