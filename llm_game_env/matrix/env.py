"""The matrix game behind PettingZoo's agent-environment cycle: two steps, then it is over."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_game_env.checks import brief, check_mapping, check_seed
from llm_game_env.errors import IllegalAction
from llm_game_env.matrix.closed_form import MatrixGame
from llm_game_env.matrix.moves import game_lines, is_move, make_spaces
from llm_game_env.rendering import Screen, as_text
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER, agent_index
from llm_game_env.two_player import TwoPlayerEnv


class MatrixGameEnv(TwoPlayerEnv):
    """One prompt, one response, by their numbers.

    Args:
        name: of the environment, for its metadata.
        game: the payoff and all that follows from it.
        render_mode: "ansi" returns the transcript, "human" prints the game as it goes.

    Attributes:
        game: as given; `payoff`, `best_response`, `nash_gap` and `value` are its own.
    """

    def __init__(self, name: str, game: MatrixGame, render_mode: str | None = None) -> None:
        super().__init__(name, *make_spaces(game), render_mode)
        self.game = game
        self._moves: list[int] = []
        self._screen = Screen()

    @property
    def payoff(self) -> np.ndarray:
        """The defender's score, float64 [X, Y]."""
        return self.game.payoff

    @property
    def value(self) -> float:
        """See `MatrixGame.value`."""
        return self.game.value

    def best_response(self, agent: str, policy: np.ndarray) -> np.ndarray:
        """See `MatrixGame.best_response`."""
        return self.game.best_response(agent, policy)

    def nash_gap(self, adversary_policy: np.ndarray, defender_policy: np.ndarray) -> float:
        """See `MatrixGame.nash_gap`."""
        return self.game.nash_gap(adversary_policy, defender_policy)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Starts a game; nothing in it is random, so that neither argument changes anything.

        Raises:
            ConfigurationError: `options` is no mapping, or the seed no whole number of at least 0.
        """
        check_mapping("options", options)
        if seed is not None:
            check_seed("seed", seed)
        self._moves = []
        self._begin({agent: {"score": 0.0, "likeness": 0.0} for agent in AGENTS})
        self._screen.clear()

    def observe(self, agent: str) -> np.int64:
        """The adversary's own prompt, or the defender's information set of it; X before that.

        Raises:
            ConfigurationError: there is no such agent.
        """
        seat = agent_index(agent)
        if not self._moves:
            return np.int64(self.game.num_prompts)
        prompt = self._moves[ADVERSARY]
        return np.int64(prompt if seat == ADVERSARY else self.game.information[prompt])

    def step(self, action: Any) -> None:
        """The acting agent's prompt or response; None for an agent whose game has ended.

        Raises:
            IllegalAction: the action is not in the agent's space; the game has not changed.
        """
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        space = self.action_spaces[agent]
        if not is_move(space, action):
            raise IllegalAction(f"{agent} plays {brief(action)}; give a whole number of {space}")
        self._moves.append(int(action))
        self._cumulative_rewards[agent] = 0.0
        if agent == AGENTS[DEFENDER]:
            self._pay()
        self._accumulate_rewards()
        self.agent_selection = AGENTS[len(self._moves) % len(AGENTS)]
        if self.render_mode == "human":
            self.render()

    def transcript(self) -> str:
        """The game so far as text."""
        return as_text(game_lines(self.game, self._moves))

    def render(self) -> str | None:
        """The transcript in mode "ansi"; in mode "human" what is new of it is printed.

        In mode "human" the environment calls it itself, at every step.
        """
        return self._screen.show(game_lines(self.game, self._moves), self.render_mode)

    def state_dict(self) -> dict[str, Any]:
        """Empty: there is neither a generator nor a history."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self.agents = []

    def _pay(self) -> None:
        prompt, response = self._moves
        score = float(self.game.payoff[prompt, response])
        likeness = float(self.game.likeness[prompt])
        self.rewards = dict(zip(AGENTS, (-score - likeness, score), strict=True))
        self.infos = {agent: {"score": score, "likeness": likeness} for agent in AGENTS}
        self.terminations = dict.fromkeys(AGENTS, True)
