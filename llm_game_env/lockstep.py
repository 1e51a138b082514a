"""N two-player games in lock-step: the step API that the vector views share.

    env.reset(seed=0)
    while env.agents:
        observations, rewards, terminations, truncations, infos = env.last()
        env.step(actions_for(env.agent_selection, observations))

A game that ends early becomes inactive: its actions are ignored and its last reward is reported
once. There is no autoreset. When all games have ended, each agent is selected once more, so that
its last reward is seen, and is then stepped with None, as PettingZoo does.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space

from llm_game_env.errors import IllegalAction
from llm_game_env.rules import AGENTS, agent_index


class VectorStep(NamedTuple):
    """What `last()` returns.

    Attributes:
        observations: as the acting agent sees its games; the view says in which form.
        rewards: float64 [N], the acting agent's since it last acted.
        terminations: bool [N], games that have ended.
        truncations: bool [N], all False.
        infos: float64 arrays [N], always the same keys; 0 where nothing was scored.
    """

    observations: Any
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    infos: dict[str, np.ndarray]


class LockStepGames:
    """What every vector view keeps: who is to move, where, and what either agent has earned.

    Args:
        num_envs: N.
        observation_spaces, action_spaces: of one game, by agent; the same objects are returned at
            each call.

    Attributes:
        agents: those that are still to be stepped; empty before the first reset.
        agent_selection: whose actions the next step takes.
        step_rewards: float64 [N, 2], what the last step paid either agent.
    """

    def __init__(
        self, num_envs: int, observation_spaces: dict[str, Any], action_spaces: dict[str, Any]
    ) -> None:
        self.num_envs = num_envs
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.agent_selection = AGENTS[0]
        self.observation_spaces = observation_spaces
        self.action_spaces = action_spaces
        self.step_rewards = np.zeros((num_envs, len(AGENTS)))
        self._pending = np.zeros((num_envs, len(AGENTS)))
        self._active = np.zeros(num_envs, dtype=bool)

    @property
    def active(self) -> np.ndarray:
        """Games that go on, bool [N]."""
        return self._active.copy()

    def observation_space(self, agent: str) -> Space[Any]:
        """The space of one row's observation, the same object each call."""
        return self.observation_spaces[AGENTS[agent_index(agent)]]

    def action_space(self, agent: str) -> Any:
        """The space of one row's action, the same object each call."""
        return self.action_spaces[AGENTS[agent_index(agent)]]

    def close(self) -> None:
        """Nothing to release."""

    def _begin(self, active: np.ndarray) -> None:
        """New games in the rows where `active`, bool [N], is True."""
        self.agents = list(AGENTS)
        self.agent_selection = AGENTS[0]
        self.step_rewards = np.zeros((self.num_envs, len(AGENTS)))
        self._pending[:] = 0.0
        self._active[:] = active

    def _credit(self, rewards: np.ndarray) -> None:
        """What the acting agent's step paid, float64 [N, 2]; it has seen what it earned before."""
        self.step_rewards = rewards
        self._pending[:, AGENTS.index(self.agent_selection)] = 0.0
        self._pending += rewards

    def _step_ended(self, actions: object) -> None:
        """A step after the end of all games: takes None, once an agent."""
        if not self.agents:
            raise IllegalAction("all games have ended; call reset() first", rows=())
        if actions is not None:
            raise IllegalAction(
                "all games have ended; step with None until `agents` is empty, or reset()",
                rows=range(self.num_envs),
            )
        self._pending[:, AGENTS.index(self.agent_selection)] = 0.0
        self.agents.remove(self.agent_selection)
        self.agent_selection = self.agents[0] if self.agents else AGENTS[0]
