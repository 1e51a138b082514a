"""The single-agent views: one agent's moves, to which the opponent replies what it did in the game.

They lag behind: a message of the learner is sent once it is known what the opponent answers.
"""

import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

from conformance_kit.contract import ADVERSARY, Start
from conformance_kit.reference import Reference
from conformance_kit.sameness import row_of, same, spoil
from llm_game_env.errors import IllegalAction


class Outcome(NamedTuple):
    """What the learner is told: by a reset, or by a step."""

    observation: Any
    infos: dict[str, float]
    reward: float = 0.0
    terminated: bool = False


class Seat(Protocol):
    """One game behind a single-agent API."""

    def reset(self, start: Start, row: int) -> Outcome: ...
    def step(self, action: Any) -> Outcome: ...


class ReplayPlayer:
    """Says what it was told to say next."""

    def __init__(self) -> None:
        self.line = ""

    def reply(self, conversations: Any, rng: np.random.Generator, *, max_tokens: int) -> list[str]:
        """The line, whatever was said."""
        assert len(conversations) == 1
        return [self.line]


class EnvSeat:
    """`gymnasium.Env`."""

    def __init__(self, module: Any, arguments: dict[str, Any]) -> None:
        self.env = module.single_agent_env(**arguments)

    def reset(self, start: Start, row: int) -> Outcome:
        return Outcome(*self.env.reset(**start.alone(row)))

    def step(self, action: Any) -> Outcome:
        observation, reward, terminated, truncated, infos = self.env.step(action)
        assert truncated is False
        assert type(terminated) is bool
        assert type(reward) is float
        return Outcome(observation, infos, reward, terminated)


class VectorSeat:
    """`gymnasium.vector.VectorEnv` of one game, which starts a new one when it is told to."""

    def __init__(self, module: Any, arguments: dict[str, Any]) -> None:
        self.env = module.single_agent_vector_env(1, autoreset_mode="Disabled", **arguments)

    def reset(self, start: Start, row: int) -> Outcome:
        observations, infos = self.env.reset(**start.alone(row))
        assert observations in self.env.observation_space
        return Outcome(row_of(observations, 0), self._infos(infos))

    def step(self, action: Any) -> Outcome:
        observations, rewards, terminations, truncations, infos = self.env.step([action])
        assert observations in self.env.observation_space
        assert truncations.tolist() == [False]
        seen = row_of(observations, 0)
        return Outcome(seen, self._infos(infos), float(rewards[0]), bool(terminations[0]))

    def _infos(self, infos: dict[str, Any]) -> dict[str, float]:
        assert all(infos[f"_{name}"].all() for name in infos if not name.startswith("_"))
        return {name: column[0] for name, column in infos.items() if not name.startswith("_")}


class SeatRows:
    """One agent's seat, an environment a row.

    Args:
        reference: the games.
        agent: whose seat.
        make: the API.
    """

    def __init__(
        self, reference: Reference, agent: str, make: Callable[[Any, dict[str, Any]], Seat]
    ) -> None:
        self._reference = reference
        self._agent = agent
        game, rows = reference.game, reference.rows
        players = [ReplayPlayer() for _ in rows]
        self._players = players
        self._seats = [
            make(game.module, game.arguments | {"agent": agent, "opponent": player})
            for player in players
        ]
        # What each row is still to do: a reset or, where there is none, an action.
        self._resets: list[Start | None] = [None for _ in rows]
        self._held: list[Any] = [None for _ in rows]
        self._told: list[dict[str, float]] = [{} for _ in rows]

    def reset(self, start: Start) -> None:
        for row in self._reference.rows:
            self._abandon(row)
            if not self._reference.has_game(row):
                self._seats[row].reset(start, row)
                continue
            self._resets[row] = start
            if self._agent == ADVERSARY:
                self._catch_up(row)

    def step(self, actions: dict[int, Any]) -> None:
        for row, action in actions.items():
            message = self._reference.message[row]
            if self._reference.exchanged[row] is not None:
                self._told[row] = self._reference.infos[row].copy()
            if self._reference.last_mover == self._agent:
                self._held[row] = action
                if message is None or self._reference.is_over(row):
                    self._catch_up(row)
            elif message is not None:
                self._players[row].line = message
                self._catch_up(row)

    def refuse(self, actions: dict[int, Any], bad: list[int]) -> None:
        for row in bad if self._reference.mover == self._agent else ():
            with pytest.raises(IllegalAction) as caught:
                self._seats[row].step(actions[row])
            assert caught.value.rows == (0,)

    def bury(self) -> None:
        for row in self._reference.rows:
            if self._reference.has_game(row):
                with pytest.raises(IllegalAction, match="over"):
                    self._seats[row].step("no")

    def pickle(self) -> None:
        together = pickle.dumps((self._players, self._seats))
        self._players, self._seats = pickle.loads(together)

    def reload(self) -> None:
        pass

    def check(self) -> None:
        pass

    def _catch_up(self, row: int) -> None:
        """Does what was held back; the learner must be told what the game by itself tells it."""
        start, seat = self._resets[row], self._seats[row]
        outcome = seat.step(self._held[row]) if start is None else seat.reset(start, row)
        self._resets[row] = None
        one = self._reference.envs[row]
        nothing = dict.fromkeys(self._reference.game.part_names, 0.0)
        assert outcome.observation in one.observation_space(self._agent)
        assert same(outcome.observation, one.observe(self._agent))
        assert outcome.reward == self._reference.owed[row][self._agent]
        assert outcome.terminated == self._reference.is_over(row)
        assert outcome.infos == self._reference.infos[row] | nothing | self._told[row]
        spoil(outcome)
        self._told[row] = {}

    def _abandon(self, row: int) -> None:
        """A game is left in the middle: what it leaves behind must be there all the same.

        That is the draw of its seed prompt and, once an exchange is complete, its prompt in the
        history. A prompt that was not answered leaves nothing.
        """
        start, seat = self._resets[row], self._seats[row]
        if start is not None:
            seat.reset(start, row)
        elif self._told[row]:
            seat.step(self._held[row])
        self._resets[row], self._told[row] = None, {}
