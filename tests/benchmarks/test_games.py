"""The benchmarks play whole games, and count every step of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = 8


class Moves(list[Any]):
    """Knows how many of them were taken."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        for move in super().__iter__():
            self.taken += 1
            yield move


def play(subject: Any) -> int:
    games = [Moves(game) for game in subject.draw()]
    steps = subject.play(games)
    # A loop that counts them takes all of them once more.
    assert all(game.taken in (len(game), 2 * len(game)) for game in games), subject.name
    return steps


def test_own_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import own_games  # pyright: ignore[reportMissingImports] - benchmarks are no package

    monkeypatch.setattr(own_games, "NUM_ROWS", ROWS)
    subjects = [*own_games.single_games(), *own_games.batches()]
    assert {subject.name: play(subject) for subject in subjects} == {
        "text, raw": 500 * 2,
        "text, env()": 500 * 2,
        "text, 10 turns, raw": 50 * 20,
        "text, 10 turns, env()": 50 * 20,
        "text, parallel": 500 * 2,
        "text, single agent": 500,
        "8 tokens, raw": 50 * 16,
        "8 tokens, env()": 50 * 16,
        "32 tokens, raw": 12 * 64,
        "32 tokens, env()": 12 * 64,
        "matrix, raw": 500 * 2,
        "matrix, env()": 500 * 2,
        "text, vector_env(8)": 2 * 2 * ROWS,
        "8 tokens, vector_env(8)": 16 * ROWS,
        "text, single agent, 8 rows": 2 * 2 * ROWS,
    }


def test_the_games_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import rivals  # pyright: ignore[reportMissingImports] - benchmarks are no package

    assert play(rivals.yardstick()) == 100 * 30
    steps = {subject.name: play(subject) for subject in rivals.rivals()}
    assert steps["rps, env()"] == steps["rps, parallel"] == 20 * 30
    # The shortest and the longest games that the rules allow.
    assert 50 * 5 <= steps["tictactoe, raw"] <= 50 * 9
    assert 10 * 7 <= steps["connect_four, env()"] <= 10 * 42
