"""N games behind PettingZoo's AEC API, each by itself, with the books kept by hand.

These are held to the contract; the other views are then held to these.
"""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from conformance_kit.contract import ADVERSARY, AGENTS, DEFENDER, Exchanged, Start
from conformance_kit.games import AnyGame
from conformance_kit.sameness import same, spoil
from llm_game_env.errors import IllegalAction


class Reference:
    """N games, one `env()` each.

    Attributes:
        envs: the games.
        owed: by row and agent, the sum of `rewards` since the agent last acted.
        infos: by row, what its infos must be.
        message: by row, what its last step completed; None where the message goes on.
        exchanged: by row, the exchange that its last step completed.
        mover: whose messages are being written; rows whose own is complete wait for the others.
        last_mover: whose action the last step was.
        round_done: whether the last step completed the last of those messages.
    """

    def __init__(self, game: AnyGame, num_rows: int) -> None:
        self.game = game
        self.rows = range(num_rows)
        self.envs: list[Any] = [game.module.env(**game.arguments) for _ in self.rows]
        self.owed: list[dict[str, float]] = [dict.fromkeys(AGENTS, 0.0) for _ in self.rows]
        self.infos: list[dict[str, float]] = [{} for _ in self.rows]
        self.message: list[Any] = [None for _ in self.rows]
        self.exchanged: list[Exchanged | None] = [None for _ in self.rows]
        self.mover = ADVERSARY
        self.last_mover = ADVERSARY
        self.round_done = False
        self._start = Start()
        self._said: list[list[Any]] = [[] for _ in self.rows]
        self._drafts: list[list[Any]] = [[] for _ in self.rows]
        self._histories = [game.history for _ in self.rows]

    @property
    def playing(self) -> list[int]:
        """Rows whose games go on."""
        return [row for row in self.rows if self.has_game(row) and not self.is_over(row)]

    @property
    def writing(self) -> list[int]:
        """Rows in which the mover is to act."""
        return [row for row in self.playing if self.envs[row].agent_selection == self.mover]

    def has_game(self, row: int) -> bool:
        """Whether the last reset gave the row a game."""
        return self._start.has_game(row)

    def is_over(self, row: int) -> bool:
        """Whether the row's agents have terminated."""
        return all(self.envs[row].terminations.values())

    def reset(self, start: Start) -> None:
        """New games in all rows."""
        self._start = start
        for row, env in enumerate(self.envs):
            env.reset(**start.alone(row))
            self.owed[row] = dict.fromkeys(AGENTS, 0.0)
            self.message[row] = self.exchanged[row] = None
            self.infos[row] = dict.fromkeys(self.game.part_names, 0.0) | self._seed_infos(row)
            self._said[row], self._drafts[row] = [], []
            self._histories[row].reset(start)
        self.mover, self.round_done = ADVERSARY, False

    def step(self, actions: dict[int, Any]) -> None:
        """One action in each of the rows that are writing."""
        self.last_mover = self.mover
        for row, action in actions.items():
            self._step(row, action)
        self.round_done = not self.writing
        if self.round_done:
            self.mover = AGENTS[1 - AGENTS.index(self.mover)] if self.playing else ADVERSARY

    def refuse(self, actions: dict[int, Any], bad: list[int]) -> None:
        """Each bad one raises, and changes nothing."""
        for row in bad:
            before = self._snapshot(row)
            with pytest.raises(IllegalAction) as caught:
                self.envs[row].step(actions[row])
            assert caught.value.rows == (0,)
            assert same(before, self._snapshot(row))

    def bury(self) -> None:
        """After the end each agent sees its last reward, and steps with None alone."""
        for row, env in enumerate(self.envs):
            for agent in list(env.agents if self.is_over(row) else ()):
                assert env.agent_selection == agent
                _, reward, *ends, _ = env.last()
                assert (reward, ends) == (self.owed[row][agent], [True, False])
                with pytest.raises(ValueError, match="None"):
                    env.step("no")
                env.step(None)
                self.owed[row][agent] = 0.0

    def pickle(self) -> None:
        """Goes on with copies."""
        self.envs = pickle.loads(pickle.dumps(self.envs))

    def reload(self) -> None:
        """Goes on with new environments in the saved state; a reset must follow."""
        if not self.game.has_texts:
            return
        states = pickle.dumps([env.unwrapped.state_dict() for env in self.envs])
        self.envs = [self.game.module.env(**self.game.arguments) for _ in self.rows]
        for env, state in zip(self.envs, pickle.loads(states), strict=True):
            env.unwrapped.load_state_dict(state)

    def check(self) -> None:
        """What must hold in any game at any moment."""
        for row, env in enumerate(self.envs):
            for agent in AGENTS:  # those too that have left the game
                _check_observation(env, agent)
                expected = self.game.observation(agent, self._said[row], self.infos[row])
                assert expected is None or same(env.observe(agent), expected)
            for agent in env.agents:
                assert type(env.rewards[agent]) is float
                assert type(env.terminations[agent]) is bool
                assert env.terminations[agent] == self.is_over(row)
                assert env.truncations[agent] is False
                assert env.infos[agent] == self.infos[row]
                assert all(type(value) is float for value in env.infos[agent].values())
            if env.agents:
                agent = env.agent_selection
                observation, reward, *ends, infos = env.last()
                assert same(observation, env.observe(agent))
                assert (reward, ends) == (self.owed[row][agent], [self.is_over(row), False])
                assert infos == self.infos[row]

    def _step(self, row: int, action: Any) -> None:
        env = self.envs[row]
        agent, seen = env.agent_selection, env.observe(env.agent_selection)
        env.step(action)
        self._drafts[row].append(action)
        self.message[row] = self.game.message(self._drafts[row], seen)
        self.exchanged[row] = None
        assert (env.agent_selection == agent) == (self.message[row] is None)
        rewards, parts, ended = (0.0, 0.0), dict.fromkeys(self.game.part_names, 0.0), False
        if self.message[row] is not None:
            self._said[row].append(self.message[row])
            self._drafts[row] = []
            if agent == DEFENDER:
                done = self.exchanged[row] = self.game.judge(self._said[row], env)
                (cost,) = self._histories[row].take([done])
                rewards, parts, ended = done.rewards(cost), done.parts(cost), done.ended
        assert tuple(env.rewards.values()) == rewards
        assert self.is_over(row) == ended
        self.infos[row] |= {name: parts[name] for name in self.game.part_names}
        self.owed[row][agent] = 0.0
        for who, reward in zip(AGENTS, rewards, strict=True):
            self.owed[row][who] += reward

    def _snapshot(self, row: int) -> Any:
        """All that an environment shows and would save."""
        raw = self.envs[row].unwrapped
        shown = [
            [raw.observe(agent) for agent in AGENTS],
            [raw.agents, raw.agent_selection, raw._cumulative_rewards],
            [raw.rewards, raw.terminations, raw.truncations, raw.infos],
        ]
        if self.game.has_texts:
            shown.append([raw.state_dict(), raw.transcript(), raw.exchanges])
        return copy.deepcopy(shown)

    def _seed_infos(self, row: int) -> dict[str, float]:
        if not self.game.has_texts:
            return {}
        index = int(self.envs[row].infos[ADVERSARY]["seed_prompt_index"])
        seed = self.game.seeds[index]
        if self._start.ids is not None and self.has_game(row):
            assert seed.id == self._start.ids[row]
        return {"seed_prompt_index": float(index), "harmful": float(seed.label == "harmful")}


def _check_observation(env: Any, agent: str) -> None:
    space = env.observation_space(agent)
    assert space is env.observation_space(agent)
    assert env.action_space(agent) is env.action_space(agent)
    observation = env.observe(agent)
    assert observation in space
    acting = env.agent_selection == agent and env.terminations.get(agent) is False
    if isinstance(observation, dict) and "action_mask" in observation:
        assert observation["action_mask"].dtype == space["action_mask"].dtype == np.int8
        assert observation["observation"].dtype == space["observation"].dtype == np.int64
        assert observation["action_mask"].any()
        if not acting:
            assert np.flatnonzero(observation["action_mask"]).tolist() == [0]
    before = copy.deepcopy(observation)
    spoil(observation)
    assert same(env.observe(agent), before)
