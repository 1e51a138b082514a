"""The AEC view: one game behind PettingZoo's agent-environment cycle."""

from collections.abc import Mapping
from typing import Any

from pettingzoo import AECEnv

from llm_game_env.diversity import Diversity
from llm_game_env.rendering import RENDER_MODES, check_render_mode, shown
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import AGENTS, Rules
from llm_game_env.vector import VectorGame


class TextGameEnv(AECEnv[str, dict[str, Any], str | None]):
    """One game; row 0 of a batch of one, with PettingZoo's bookkeeping.

    Args:
        name: of the environment, for its metadata.
        rules: see `llm_game_env.rules.make_rules`.
        diversity: copied.
        render_mode: "ansi" returns the transcript, "human" prints it at the end of a game.
    """

    def __init__(
        self,
        name: str,
        rules: Rules,
        diversity: Diversity | None = None,
        render_mode: str | None = None,
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
        self._batch = VectorGame(rules, 1, diversity)
        self.observation_spaces = dict(self._batch.observation_spaces)
        self.action_spaces = dict(self._batch.action_spaces)

    def observation_space(self, agent: str) -> Any:
        """`Dict` of `messages`, `turn` and `to_move`, the same object each call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """`Utterance(max_chars)`, the same object each call."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Starts a game; see `VectorGame.reset`."""
        self._batch.reset(seed=seed, options=options)
        self.agents = list(AGENTS)
        self.agent_selection = self._batch.agent_selection
        self._skip_agent_selection = None
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0.0)
        self.terminations = dict.fromkeys(AGENTS, False)
        self.truncations = dict.fromkeys(AGENTS, False)
        self.infos = self._make_infos()

    def observe(self, agent: str) -> dict[str, Any]:
        """The dialogue as the agent sees it, exchanges completed, and whose turn it is."""
        return self._batch.observe(0, agent)

    def step(self, action: str | None) -> None:
        """The acting agent's message; None for an agent whose game has ended.

        Raises:
            IllegalAction: the message is no string or too long; the game has not changed.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)  # pyright: ignore[reportArgumentType]
            return
        self._batch.step([action])
        self._cumulative_rewards[agent] = 0.0
        paid = self._batch.step_rewards[0]
        self.rewards = {name: float(paid[i]) for i, name in enumerate(AGENTS)}
        self._accumulate_rewards()
        self.agent_selection = self._batch.agent_selection
        ended = not bool(self._batch.active[0])
        self.terminations = dict.fromkeys(AGENTS, ended)
        self.infos = self._make_infos()
        if ended and self.render_mode == "human":
            self.render()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the game so far."""
        return self._batch.exchanges(0)

    def transcript(self) -> str:
        """The game so far as text."""
        return self._batch.transcript(0)

    def render(self) -> str | None:
        """The transcript: returned in mode "ansi", printed in mode "human"."""
        return shown(self.transcript(), self.render_mode)

    def close(self) -> None:
        """Nothing to release."""

    def state_dict(self) -> dict[str, Any]:
        """Generator and diversity history, to be taken between games."""
        return self._batch.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self._batch.load_state_dict(state)
        self.agents = []

    def _make_infos(self) -> dict[str, dict[str, float]]:
        infos = {name: float(column[0]) for name, column in self._batch.infos().items()}
        return {agent: infos.copy() for agent in AGENTS}
