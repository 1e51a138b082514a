"""The parallel view of a turn-based game: every agent is asked, the one whose turn it is moves."""

from collections.abc import Mapping
from typing import Any

from pettingzoo import AECEnv, ParallelEnv

from llm_game_env.errors import IllegalAction


class TurnParallelEnv(ParallelEnv[str, Any, Any]):
    """One of this package's AEC environments behind PettingZoo's parallel API.

    PettingZoo's own conversion of turn-based games returns four values once the game is over, and
    puts the agent's name into the infos. Here `step` returns five dicts always, the waiting
    agents' actions are ignored, and both agents are in every dict up to the last step.

    Args:
        aec: a game that both agents end on the same step.
    """

    def __init__(self, aec: AECEnv[str, Any, Any]) -> None:
        self.aec = aec
        self.metadata = aec.metadata
        self.render_mode = getattr(aec, "render_mode", None)
        self.possible_agents = list(aec.possible_agents)
        self.agents: list[str] = []
        self.observation_spaces = aec.observation_spaces
        self.action_spaces = aec.action_spaces

    def observation_space(self, agent: str) -> Any:
        """That of the AEC environment, the same object each call."""
        return self.aec.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        """That of the AEC environment, the same object each call."""
        return self.aec.action_space(agent)

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Starts a game; returns observations and infos."""
        self.aec.reset(seed=seed, options=None if options is None else dict(options))
        self.agents = list(self.aec.agents)
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """One step of the agent whose turn it is.

        Args:
            actions: by agent; those of waiting agents are ignored and may be left out.

        Returns:
            Observations, rewards of this step, terminations, truncations and infos by agent; five
            empty dicts once the game is over.

        Raises:
            IllegalAction: the action is missing, or not in the agent's space; the game has not
                changed.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        mover = self.aec.agent_selection
        if not isinstance(actions, Mapping) or mover not in actions:
            got = f"the keys {list(actions)}" if isinstance(actions, Mapping) else "no keys"
            raise IllegalAction(f"actions has {got}; give one for {mover}, whose turn it is")
        self.aec.step(actions[mover])
        steps = (
            self._observations(),
            {agent: float(self.aec.rewards[agent]) for agent in self.agents},
            dict(self.aec.terminations),
            dict(self.aec.truncations),
            self._infos(),
        )
        if all(self.aec.terminations.values()):
            self.agents = []
        return steps

    def render(self) -> Any:
        """As the AEC environment does."""
        return self.aec.render()

    def close(self) -> None:
        """Closes the AEC environment."""
        self.aec.close()

    @property
    def unwrapped(self) -> "TurnParallelEnv":
        """This environment."""
        return self

    def _observations(self) -> dict[str, Any]:
        return {agent: self.aec.observe(agent) for agent in self.agents}

    def _infos(self) -> dict[str, dict[str, Any]]:
        return {agent: dict(self.aec.infos[agent]) for agent in self.agents}
