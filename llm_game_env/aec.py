"""The AEC view: one game behind PettingZoo's agent-environment cycle."""

from collections.abc import Mapping
from typing import Any

from llm_game_env.checks import check_seed
from llm_game_env.diversity import Diversity
from llm_game_env.formats import TokenSettings, make_format
from llm_game_env.game import Game, Scored
from llm_game_env.infos import part_infos, unscored_infos
from llm_game_env.options import read_options
from llm_game_env.rendering import Screen
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import AGENTS, Rules, agent_index
from llm_game_env.two_player import NO_REWARDS, OVER, TwoPlayerEnv

_ADVERSARY, _DEFENDER = AGENTS


class GameEnv(TwoPlayerEnv):
    """One game, with PettingZoo's bookkeeping.

    Args:
        name: of the environment, for its metadata.
        rules: see `llm_game_env.rules.make_rules`.
        diversity: copied.
        render_mode: "ansi" returns the transcript, "human" prints the game as it goes.
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
        self._screen = Screen()
        super().__init__(name, *spaces, render_mode)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Starts a game; `seed` and `options` as in `VectorGame.reset`.

        Raises:
            ConfigurationError: a known option or the seed cannot be used; nothing has changed.
        """
        chosen = read_options(options, self._game.rules.seeds, 1)
        if seed is not None:
            self._game.seed_rows([check_seed("seed", seed)])
        self._game.freeze_history = chosen.freeze_history
        self._game.reset_rows((0,), chosen.seed_indices)
        self._format.begin((0,))
        self._unscored = unscored_infos(self._game, 0)
        self._begin(_for_both(self._unscored.copy()))
        self._screen.clear()
        if self.render_mode == "human":
            self.render()

    def observe(self, agent: str) -> dict[str, Any]:
        """What the agent sees of the game, in its format.

        Raises:
            ConfigurationError: there is no such agent.
        """
        return self._format.observe(0, agent_index(agent))

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
        if scored:
            _, parts, (adversary, defender), ended = scored[0]
            self.rewards = {_ADVERSARY: adversary, _DEFENDER: defender}
            self._accumulate_rewards()
            self.infos = _for_both(self._unscored | part_infos(self._game, parts))
            if ended:
                self.terminations = OVER.copy()
        else:
            self.rewards = NO_REWARDS.copy()
            self.infos = _for_both(self._unscored.copy())
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
        """The transcript in mode "ansi"; in mode "human" what is new of it is printed.

        In mode "human" the environment calls it itself, at every reset and step.
        """
        return self._screen.show(self._game.lines(0), self.render_mode)

    def state_dict(self) -> dict[str, Any]:
        """Generator and diversity history, to be taken between games."""
        return self._game.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self._game.load_state_dict(state)
        self.agents = []


def _for_both(infos: dict[str, float]) -> dict[str, dict[str, float]]:
    return {_ADVERSARY: infos, _DEFENDER: infos.copy()}
