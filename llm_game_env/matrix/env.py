"""The matrix game behind PettingZoo's agent-environment cycle: two steps, then it is over."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from llm_game_env.errors import IllegalAction
from llm_game_env.matrix.closed_form import MatrixGame
from llm_game_env.rendering import shown
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.two_player import TwoPlayerEnv


class MatrixGameEnv(TwoPlayerEnv):
    """One prompt, one response, by their numbers.

    Args:
        name: of the environment, for its metadata.
        game: the payoff and all that follows from it.
        render_mode: "ansi" returns the game as a line, "human" prints it when the game is over.

    Attributes:
        game: as given; `payoff`, `best_response`, `nash_gap` and `value` are its own.
    """

    def __init__(self, name: str, game: MatrixGame, render_mode: str | None = None) -> None:
        seen = spaces.Discrete(game.num_prompts + 1)
        sizes = (game.num_prompts, game.num_responses)
        actions = {agent: spaces.Discrete(n) for agent, n in zip(AGENTS, sizes, strict=True)}
        super().__init__(name, dict.fromkeys(AGENTS, seen), actions, render_mode)
        self.game = game
        self._moves: list[int] = []

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
        """Starts a game; nothing in it is random, so that the seed changes nothing."""
        self._moves = []
        self._begin({agent: {"score": 0.0, "likeness": 0.0} for agent in AGENTS})

    def observe(self, agent: str) -> np.int64:
        """The adversary's own prompt, or the defender's information set of it; X before that."""
        if not self._moves:
            return np.int64(self.game.num_prompts)
        prompt = self._moves[ADVERSARY]
        return np.int64(prompt if agent == AGENTS[ADVERSARY] else self.game.information[prompt])

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
        if not space.contains(action):
            raise IllegalAction(f"{agent} plays {action!r}; give a whole number of {space}")
        self._moves.append(int(action))
        self._cumulative_rewards[agent] = 0.0
        if agent == AGENTS[DEFENDER]:
            self._pay()
        self._accumulate_rewards()
        self.agent_selection = AGENTS[len(self._moves) % len(AGENTS)]
        if self.terminations[agent] and self.render_mode == "human":
            self.render()

    def render(self) -> str | None:
        """The game so far in one line: returned in mode "ansi", printed in mode "human"."""
        moves = zip(("prompt", "response"), self._moves, strict=False)
        line = ", ".join(f"{kind} {move}" for kind, move in moves)
        if len(self._moves) == len(AGENTS):
            score, likeness = self._parts()
            line += f": score {score:.3f}, likeness {likeness:.3f}"
        return shown(line, self.render_mode)

    def _pay(self) -> None:
        score, likeness = self._parts()
        self.rewards = dict(zip(AGENTS, (-score - likeness, score), strict=True))
        self.infos = {agent: {"score": score, "likeness": likeness} for agent in AGENTS}
        self.terminations = dict.fromkeys(AGENTS, True)

    def _parts(self) -> tuple[float, float]:
        prompt, response = self._moves
        return float(self.game.payoff[prompt, response]), float(self.game.likeness[prompt])
