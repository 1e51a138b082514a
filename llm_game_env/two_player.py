"""What every AEC environment of this package keeps for PettingZoo."""

from typing import Any

from pettingzoo import AECEnv

from llm_game_env.rendering import RENDER_MODES, check_render_mode
from llm_game_env.rules import ADVERSARY, AGENTS, agent_index

NO_REWARDS = dict.fromkeys(AGENTS, 0.0)
_GOING_ON, OVER = dict.fromkeys(AGENTS, False), dict.fromkeys(AGENTS, True)


class TwoPlayerEnv(AECEnv[str, Any, Any]):
    """The adversary moves first, both agents end on the same step, nothing truncates.

    Args:
        name: of the environment, for its metadata.
        observation_spaces, action_spaces: by agent; the same objects are returned at each call.
        render_mode: None, "ansi" or "human".

    Raises:
        ConfigurationError: there is no such render mode.
    """

    def __init__(
        self,
        name: str,
        observation_spaces: dict[str, Any],
        action_spaces: dict[str, Any],
        render_mode: str | None,
    ) -> None:
        super().__init__()
        check_render_mode(render_mode)
        self.metadata = {
            "name": name,
            "render_modes": list(RENDER_MODES),
            "is_parallelizable": False,
        }
        self.render_mode = render_mode
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.observation_spaces: dict[str, Any] = observation_spaces
        self.action_spaces: dict[str, Any] = action_spaces

    def observation_space(self, agent: str) -> Any:
        """The space of the agent's observations, the same object each call."""
        return self.observation_spaces[AGENTS[agent_index(agent)]]

    def action_space(self, agent: str) -> Any:
        """The space of the agent's actions, the same object each call."""
        return self.action_spaces[AGENTS[agent_index(agent)]]

    def close(self) -> None:
        """Nothing to release."""

    def _begin(self, infos: dict[str, dict[str, float]]) -> None:
        """PettingZoo's bookkeeping at the start of a game."""
        self.agents = list(AGENTS)
        self.agent_selection = AGENTS[ADVERSARY]
        self._skip_agent_selection = None
        self.rewards = NO_REWARDS.copy()
        self._cumulative_rewards = NO_REWARDS.copy()
        self.terminations = _GOING_ON.copy()
        self.truncations = _GOING_ON.copy()
        self.infos = infos
