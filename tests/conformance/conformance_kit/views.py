"""The views that show the same games as the reference, step by step.

A further view is one more class with the methods of `View`.
"""

import copy
import pickle
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pytest

from conformance_kit.contract import ADVERSARY, AGENTS, Likeness, Start
from conformance_kit.reference import Reference
from conformance_kit.sameness import row_of, same, spoil
from llm_game_env.errors import IllegalAction

# What is sent where nothing is read.
IGNORED: Sequence[Any] = (None, "ignored", -5, 3.5)


class View(Protocol):
    """Plays along with a `Reference`, which has always taken the step already."""

    def reset(self, start: Start) -> None:
        """New games in all rows."""
        ...

    def step(self, actions: dict[int, Any]) -> None:
        """One action in each of the rows that were writing."""
        ...

    def refuse(self, actions: dict[int, Any], bad: list[int]) -> None:
        """Of the actions of all rows that are writing, these are illegal; nothing may change."""
        ...

    def bury(self) -> None:
        """All games are over: what is called then."""
        ...

    def pickle(self) -> None:
        """Goes on with copies."""
        ...

    def reload(self) -> None:
        """If states can be saved, goes on with new environments that load them."""
        ...

    def check(self) -> None:
        """Whether all that can be seen now is what the reference shows."""
        ...


class ParallelRows:
    """`parallel_env()`, one a row; the agent that waits acts at random."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        game = reference.game
        self._envs = [game.module.parallel_env(**game.arguments) for _ in reference.rows]
        self._steps = 0

    def reset(self, start: Start) -> None:
        for row, env in enumerate(self._envs):
            observations, infos = env.reset(**start.alone(row))
            one = self._reference.envs[row]
            assert same(observations, {agent: one.observe(agent) for agent in AGENTS})
            assert infos == one.infos
            spoil((observations, infos))

    def step(self, actions: dict[int, Any]) -> None:
        for row, action in actions.items():
            one, env = self._reference.envs[row], self._envs[row]
            observations, *others = env.step(self._joint(row, action))
            assert same(observations, {agent: one.observe(agent) for agent in AGENTS})
            assert others == [one.rewards, one.terminations, one.truncations, one.infos]
            spoil((observations, *others))

    def refuse(self, actions: dict[int, Any], bad: list[int]) -> None:
        for row in bad:
            env = self._envs[row]
            mover = env.aec.agent_selection
            waiting = AGENTS[1 - AGENTS.index(mover)]
            for joint in ({mover: actions[row]}, {}, {waiting: "no"}, None, []):
                with pytest.raises(IllegalAction) as caught:
                    env.step(joint)
                assert caught.value.rows == (0,)

    def bury(self) -> None:
        for env in self._envs:
            if not env.agents:
                assert env.step({}) == ({}, {}, {}, {}, {})

    def pickle(self) -> None:
        self._envs = pickle.loads(pickle.dumps(self._envs))

    def reload(self) -> None:
        pass

    def check(self) -> None:
        for row, env in enumerate(self._envs):
            over = self._reference.is_over(row)
            assert env.agents == ([] if over else list(AGENTS))

    def _joint(self, row: int, action: Any) -> dict[str, Any]:
        mover = self._envs[row].aec.agent_selection
        waiting = AGENTS[1 - AGENTS.index(mover)]
        self._steps += 1
        ignored = IGNORED[self._steps % len(IGNORED)]
        return {mover: action} if ignored is None else {waiting: ignored, mover: action}


class VectorRows:
    """`vector_env(N)`, a game a row; all rows share one history."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._games = self._make()
        self._num_rows = len(reference.rows)
        self._history = reference.game.history
        self._owed = np.zeros((self._num_rows, len(AGENTS)))
        self._rewards = np.zeros((self._num_rows, len(AGENTS)))
        self._parts: list[dict[str, float]] = []
        self._done: dict[int, Any] = {}  # exchanges that wait for those of other rows
        self._waiting: set[int] = set()

    def reset(self, start: Start) -> None:
        self._games.reset(**start.together())
        self._history.reset(start)
        self._owed[:] = 0.0
        self._done = {}
        self._waiting = set()
        self._expect({}, [])

    def step(self, actions: dict[int, Any]) -> None:
        mover = AGENTS.index(self._games.agent_selection)
        self._games.step(self._batch(actions))
        exchanged = {row: self._reference.exchanged[row] for row in actions}
        self._done |= {row: done for row, done in exchanged.items() if done is not None}
        self._waiting |= {row for row in actions if self._reference.message[row] is not None}
        done: dict[int, Any] = {}
        if self._reference.round_done:
            done = dict(sorted(self._done.items()))
            self._done, self._waiting = {}, set()
        self._expect(done, self._history.take(list(done.values())))
        self._owed[:, mover] = 0.0
        self._owed += self._rewards

    def refuse(self, actions: dict[int, Any], bad: list[int]) -> None:
        batch = self._batch(actions)
        before = self._snapshot()
        with pytest.raises(IllegalAction) as caught:
            self._games.step(batch)
        assert caught.value.rows == tuple(sorted(bad))
        for wrong in (batch[:-1], [*batch, "no"], None, "no"[: self._num_rows], 0, {}):
            with pytest.raises(IllegalAction) as caught:
                self._games.step(wrong)
            assert caught.value.rows == tuple(self._reference.rows)
        assert same(before, self._snapshot())

    def bury(self) -> None:
        for agent in list(self._games.agents):
            assert self._games.agent_selection == agent
            last = self._games.last()
            assert last.rewards.tolist() == self._owed[:, AGENTS.index(agent)].tolist()
            assert last.terminations.all()
            with pytest.raises(IllegalAction):
                self._games.step(["no"] * self._num_rows)
            self._games.step(None)
            self._owed[:, AGENTS.index(agent)] = 0.0
        assert self._games.agents == []

    def pickle(self) -> None:
        self._games = pickle.loads(pickle.dumps(self._games))

    def reload(self) -> None:
        state = pickle.loads(pickle.dumps(self._games.state_dict()))
        self._games = self._make()
        self._games.load_state_dict(state)

    def check(self) -> None:
        reference, games = self._reference, self._games
        # A game that has ended by itself goes on here until the other rows' messages are complete.
        assert np.flatnonzero(games.active).tolist() == sorted({*reference.playing, *self._done})
        assert same(games.step_rewards, self._rewards)
        if not games.agents:
            return
        assert games.agent_selection == (reference.mover if reference.playing else ADVERSARY)
        last = games.last()
        assert same(last.rewards, self._owed[:, AGENTS.index(games.agent_selection)])
        assert same(last.terminations, ~games.active)
        assert same(last.truncations, np.zeros(self._num_rows, dtype=bool))
        for row in reference.rows:
            assert row_of(last.infos, row) == self._infos(row)
            assert type(last.infos["score"][row]) is np.float64
            seen = row_of(last.observations, row)
            assert seen in games.observation_space(games.agent_selection)
            assert same(seen, games.observe(row, games.agent_selection))
            if row in self._waiting:
                self._check_waiting(seen, games.agent_selection)
            elif reference.has_game(row):
                one = reference.envs[row]
                for agent in AGENTS:
                    assert same(games.observe(row, agent), one.observe(agent))
                if reference.game.has_texts:
                    assert games.exchanges(row) == one.unwrapped.exchanges
        before = copy.deepcopy(last)
        spoil(last)
        assert same(before, games.last())

    def _make(self) -> Any:
        game = self._reference.game
        return game.module.vector_env(len(self._reference.rows), **game.arguments)

    def _batch(self, actions: dict[int, Any]) -> list[Any]:
        rows = self._reference.rows
        return [actions[row] if row in actions else IGNORED[row % len(IGNORED)] for row in rows]

    def _expect(self, done: dict[int, Any], costs: Sequence[Likeness]) -> None:
        """What the last step must have paid and told: nothing but for the exchanges in `done`."""
        self._rewards = np.zeros((self._num_rows, len(AGENTS)))
        self._parts = [{} for _ in range(self._num_rows)]
        for (row, exchanged), cost in zip(done.items(), costs, strict=True):
            self._rewards[row] = exchanged.rewards(cost)
            self._parts[row] = exchanged.parts(cost)

    def _infos(self, row: int) -> dict[str, float]:
        infos = self._reference.infos[row] if self._reference.has_game(row) else {}
        names = [*self._reference.game.part_names]
        kept = {name: value for name, value in infos.items() if name not in names}
        parts = {name: self._parts[row].get(name, 0.0) for name in names}
        return dict.fromkeys(self._reference.infos[row], 0.0) | kept | parts

    def _check_waiting(self, seen: Any, mover: str) -> None:
        assert AGENTS[seen["to_move"]] != mover
        if "action_mask" in seen:
            assert np.flatnonzero(seen["action_mask"]).tolist() == [0]

    def _snapshot(self) -> Any:
        games = self._games
        every = [(row, agent) for row in self._reference.rows for agent in AGENTS]
        shown = [
            [games.last(), games.active, games.step_rewards, games.agents, games.agent_selection],
            [games.observe(row, agent) for row, agent in every],
            [games.transcript(row) for row in self._reference.rows],
            games.state_dict(),
        ]
        return copy.deepcopy(shown)
