"""N matrix games in lock-step, behind the step API of `llm_game_env.lockstep`.

Row i is the game that the AEC view plays with the same actions. There is nothing random in it, so
that all games end on the same step.

`last()` shows what the acting agent sees of its games, int64 [N]; the infos are `score` and
`likeness`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_game_env.checks import brief, check_mapping, check_one_each, check_whole
from llm_game_env.errors import IllegalAction
from llm_game_env.lockstep import LockStepGames, VectorStep
from llm_game_env.matrix.closed_form import MatrixGame
from llm_game_env.matrix.moves import game_lines, is_move, make_spaces
from llm_game_env.options import row_seeds
from llm_game_env.rendering import as_text
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER, agent_index


class MatrixVectorGame(LockStepGames):
    """N matrix games, stepped together; see the module's docstring.

    Args:
        game: the payoff and all that follows from it: value, best responses, Nash gap.
        num_envs: N.

    Attributes:
        game: as given.

    Raises:
        ConfigurationError: `num_envs` is no whole number of at least 1.
    """

    def __init__(self, game: MatrixGame, num_envs: int) -> None:
        num_envs = check_whole("num_envs", num_envs)
        super().__init__(num_envs, *make_spaces(game))
        self.game = game
        # The prompts and the responses, int64 [N] each, as far as they are played.
        self._moves: list[np.ndarray] = []
        self._score = self._likeness = np.zeros(num_envs)

    def reset(
        self,
        seed: int | Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts N games; nothing in them is random, so that neither argument changes anything.

        Raises:
            ConfigurationError: `options` is no mapping, or the seed none of N games.
        """
        check_mapping("options", options)
        if seed is not None:
            row_seeds(seed, self.num_envs)
        self._moves = []
        self._score = self._likeness = np.zeros(self.num_envs)
        self._begin(np.ones(self.num_envs, dtype=bool))

    def last(self) -> VectorStep:
        """What the acting agent sees, and what it earned since it last acted."""
        agent = AGENTS.index(self.agent_selection)
        return VectorStep(
            observations=self._seen(agent),
            rewards=self._pending[:, agent].copy(),
            terminations=~self._active,
            truncations=np.zeros(self.num_envs, dtype=bool),
            infos=self.infos(),
        )

    def step(self, actions: Sequence[int] | np.ndarray | None) -> None:
        """The acting agent's prompts or responses; None once all games have ended.

        Args:
            actions: N whole numbers.

        Raises:
            IllegalAction: an action is not in the space; no game has changed.
        """
        if not self._active.any():
            self._step_ended(actions)
            return
        self._moves.append(self._read(actions))
        rewards = np.zeros((self.num_envs, len(AGENTS)))
        if len(self._moves) == len(AGENTS):
            prompts, responses = self._moves
            self._score = self.game.payoff[prompts, responses]
            self._likeness = self.game.likeness[prompts]
            rewards[:, ADVERSARY] = -self._score - self._likeness
            rewards[:, DEFENDER] = self._score
            self._active[:] = False
        self._credit(rewards)
        self.agent_selection = AGENTS[len(self._moves) % len(AGENTS)]

    def observe(self, row: int, agent: str) -> np.int64:
        """What one agent sees of one game, whoever is to move."""
        return self._seen(agent_index(agent))[row]

    def infos(self) -> dict[str, np.ndarray]:
        """Numbers about the last step, float64 [N] each."""
        return {"score": self._score.copy(), "likeness": self._likeness.copy()}

    def transcript(self, row: int) -> str:
        """One row's game as text."""
        return as_text(game_lines(self.game, [int(moves[row]) for moves in self._moves]))

    def state_dict(self) -> dict[str, Any]:
        """Empty: there are neither generators nor a history."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state_dict`; call `reset()` next."""
        self._active[:] = False
        self.agents = []

    def _seen(self, agent: int) -> np.ndarray:
        if not self._moves:
            return np.full(self.num_envs, self.game.num_prompts)
        prompts = self._moves[ADVERSARY]
        return prompts.copy() if agent == ADVERSARY else self.game.information[prompts]

    def _read(self, actions: Any) -> np.ndarray:
        """The acting agent's moves, int64 [N], a copy."""
        check_one_each(actions, self.num_envs)
        space = self.action_spaces[self.agent_selection]
        try:
            moves = np.asarray(actions)
        except ValueError:  # lists of several lengths among them
            moves = np.empty(0)
        if moves.ndim == 1 and np.issubdtype(moves.dtype, np.integer):
            bad = np.flatnonzero((moves < 0) | (moves >= space.n)).tolist()
        else:
            bad = [row for row, move in enumerate(actions) if not is_move(space, move)]
        if bad:
            raise IllegalAction(
                f"{self.agent_selection} plays {brief(actions[bad[0]])} in row {bad[0]}; give a "
                f"whole number of {space}" + (f" (rows {bad})" if len(bad) > 1 else ""),
                rows=bad,
            )
        return moves.astype(np.int64)
