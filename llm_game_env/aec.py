"""The AEC view: one game behind PettingZoo's agent-environment cycle."""

from collections.abc import Mapping
from typing import Any

from llm_game_env.diversity import Diversity
from llm_game_env.formats import TokenSettings, make_format
from llm_game_env.game import Game, Scored
from llm_game_env.infos import NOTHING, seed_infos
from llm_game_env.options import read_options, row_seeds
from llm_game_env.rendering import shown
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER, Rules
from llm_game_env.scoring import RewardParts
from llm_game_env.two_player import TwoPlayerEnv


class GameEnv(TwoPlayerEnv):
    """One game, with PettingZoo's bookkeeping.

    Args:
        name: of the environment, for its metadata.
        rules: see `llm_game_env.rules.make_rules`.
        diversity: copied.
        render_mode: "ansi" returns the transcript, "human" prints it at the end of a game.
        tokens: settings of the tokens format; None for the text format.
    """

    def __init__(
        self,
        name: str,
        rules: Rules,
        diversity: Diversity | None = None,
        render_mode: str | None = None,
        tokens: TokenSettings | None = None,
    ) -> None:
        self._game = Game(rules, 1, diversity)
        self._format = make_format(self._game, tokens)
        spaces = self._format.observation_spaces, self._format.action_spaces
        super().__init__(name, *spaces, render_mode)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Starts a game; `seed` and `options` as in `VectorGame.reset`."""
        chosen = read_options(options, self._game.rules.seeds, 1)
        if seed is not None:
            self._game.seed_rows(row_seeds(seed, 1))
        self._game.freeze_history = chosen.freeze_history
        indices = chosen.seed_indices
        self._game.retire_rows([0])
        self._game.reset_rows((0,), indices)
        self._format.begin((0,))
        self._seed_infos = seed_infos(self._game, 0)
        self._begin(self._make_infos(NOTHING))

    def observe(self, agent: str) -> dict[str, Any]:
        """What the agent sees of the game, in its format."""
        return self._format.observe(0, AGENTS.index(agent))

    def step(self, action: Any) -> None:
        """The acting agent's message or token; None for an agent whose game has ended.

        Raises:
            IllegalAction: the action is not in the space, or masked; the game has not changed.
            RewardError: the reward model failed; the game has not changed.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        (message,) = self._format.messages((0,), (action,))
        scored: list[Scored] = []
        if message is None:
            self._format.extend((0,), (action,))
        else:
            scored = self._game.play((0,), (message,))
            self._format.begin((0,))
        self._cumulative_rewards[agent] = 0.0
        self.agent_selection = AGENTS[self._game.to_move(0)]
        if not scored:
            self.rewards = dict.fromkeys(AGENTS, 0.0)
            self.infos = self._make_infos(NOTHING)
            return
        self.rewards = dict(zip(AGENTS, scored[0].rewards, strict=True))
        self._accumulate_rewards()
        self.infos = self._make_infos(scored[0].parts)
        if scored[0].ended:
            self.terminations = dict.fromkeys(AGENTS, True)
            if self.render_mode == "human":
                self.render()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the game so far."""
        return self._game.exchanges(0)

    def transcript(self) -> str:
        """The game so far as text."""
        return self._game.transcript(0)

    def render(self) -> str | None:
        """The transcript: returned in mode "ansi", printed in mode "human"."""
        return shown(self.transcript(), self.render_mode)

    def state_dict(self) -> dict[str, Any]:
        """Generator and diversity history, to be taken between games."""
        return self._game.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self._game.load_state_dict(state)
        self.agents = []

    def _make_infos(self, parts: RewardParts) -> dict[str, dict[str, float]]:
        infos = {**parts._asdict(), **self._seed_infos}
        return {AGENTS[ADVERSARY]: infos, AGENTS[DEFENDER]: infos.copy()}
