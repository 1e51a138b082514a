"""The batched single-agent view: one agent's seat in N games behind Gymnasium's `VectorEnv`.

One batch of games, not N environments in a row: the opponent and the reward model are called once
a step for all games that need them.

Gymnasium's `AsyncVectorEnv`, a process an environment, is no substitute in the text format. With
shared memory, which is its default, it hands back garbage for Gymnasium's own `Text` space and
refuses the spaces used here; with `shared_memory=False` it plays the same games, but every process
has an opponent and a reward model of its own.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from gymnasium import vector
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from llm_game_env.checks import brief, check_choice, check_one_each, check_whole
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.infos import seed_infos
from llm_game_env.options import read_options, row_seeds
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.single_agent.env import legal_now
from llm_game_env.single_agent.seat import Seat, SeatSettings

NEXT_STEP, SAME_STEP, DISABLED = "NextStep", "SameStep", "Disabled"


class SingleAgentVectorEnv(vector.VectorEnv[Any, Any, Any]):
    """N games that the learner plays at once, each against the opponent.

    After `reset(seed=s)` row i is the game of `SingleAgentEnv` after `reset(seed=s + i)`, as long
    as the opponent draws nothing (its generator is shared by the rows) and there is no history.

    Args:
        num_envs: N.
        settings: see `SeatSettings`.
        autoreset_mode: Gymnasium's `AutoresetMode`, or its value: what happens to a game that is
            over. "NextStep": the next step starts a new one and ignores the action. "SameStep": a
            new one starts at once; the last observation and infos are `infos["final_obs"]` and
            `infos["final_info"]`. "Disabled": `reset(options={"reset_mask": …})` starts new ones.
        render_mode: None, or "ansi" for the transcripts.

    Raises:
        ConfigurationError: an argument cannot be used.
    """

    def __init__(
        self,
        num_envs: int,
        settings: SeatSettings,
        autoreset_mode: str | Enum = NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        num_envs = check_whole("num_envs", num_envs)
        mode = autoreset_mode.value if isinstance(autoreset_mode, Enum) else autoreset_mode
        check_choice("autoreset_mode", mode, (NEXT_STEP, SAME_STEP, DISABLED))
        if render_mode is not None:  # Of several games printed at once nobody would read any.
            check_choice("render_mode", render_mode, ("ansi",))
        self.num_envs = num_envs
        self.render_mode = render_mode
        self._mode = mode
        self.metadata = {"render_modes": ["ansi"], "autoreset_mode": _declared(mode)}
        self._seat = Seat(settings, num_envs)
        self.single_observation_space = self._seat.observation_space
        self.single_action_space = self._seat.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ended = np.ones(num_envs, dtype=bool)
        self._seed_infos = {name: np.zeros(num_envs) for name in seed_infos(self._seat.game, 0)}

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Starts new games.

        Args:
            seed: row i is seeded with `seed + i`, or with the i-th of a list; this empties the
                history, and all rows start anew.
            options: `reset_mask`, bool [N], starts new games in those rows alone;
                `seed_prompt_ids`, one a row, and `freeze_history` as in `VectorGame.reset`; the
                rows share their history, so that what a reset says of it holds for all of them.

        Raises:
            ConfigurationError: an option or the seed cannot be used; nothing has changed.
        """
        chosen = read_options(options, self._seat.game.rules.seeds, self.num_envs)
        rows = self._rows_to_reset(seed, options)
        seeds = None if seed is None else row_seeds(seed, self.num_envs)
        indices = chosen.seed_indices
        if indices is not None and len(indices) != len(rows):
            raise ConfigurationError(
                f"options['seed_prompt_ids'] names {len(indices)} seed prompts for {len(rows)} "
                "games; give one each"
            )
        if seeds is not None:
            super().reset(seed=seeds[0])
            self._seat.seed(seeds)
        self._seat.game.freeze_history = chosen.freeze_history
        self._seat.reset(rows, indices)
        self._ended[rows] = False
        self._note_seeds(rows)
        started = np.zeros(self.num_envs, dtype=bool)
        started[rows] = True
        return self._observations(), self._infos(self._no_parts(), started)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One action of the learner in every game, and the opponents' answers.

        Returns:
            Observations, rewards float64 [N], terminations and truncations bool [N], infos.

        Raises:
            IllegalAction: an action is outside the space or masked, or, with autoreset disabled, a
                game is over; nothing has changed.
        """
        check_one_each(actions, self.num_envs)
        over = np.flatnonzero(self._ended).tolist()
        if over and self._mode != NEXT_STEP:
            raise IllegalAction(f"the games of rows {over} are over; call reset() first", rows=over)
        playing = np.flatnonzero(~self._ended).tolist()
        outcomes = self._seat.step(playing, [actions[row] for row in playing])
        rewards, parts = np.zeros(self.num_envs), self._no_parts()
        terminations = np.zeros(self.num_envs, dtype=bool)
        for row, outcome in zip(playing, outcomes, strict=True):
            rewards[row], terminations[row] = outcome.reward, outcome.ended
            parts[row] = outcome.parts.numbers
        final: dict[str, Any] = {}
        if self._mode == SAME_STEP and terminations.any():
            final = self._final(terminations, parts)
            over = np.flatnonzero(terminations).tolist()
            parts[over] = 0.0
        if over:
            self._seat.reset(over)
            self._note_seeds(over)
        self._ended = terminations & (self._mode != SAME_STEP)
        infos = self._infos(parts) | final
        truncations = np.zeros(self.num_envs, dtype=bool)
        return self._observations(), rewards, terminations, truncations, infos

    def action_masks(self) -> np.ndarray:
        """bool [N, V], the actions that are legal now.

        Raises:
            ConfigurationError: the format has no masks.
        """
        return legal_now(self._observations())

    def exchanges(self, row: int) -> tuple[Exchange, ...]:
        """The exchanges of one row's game so far."""
        return self._seat.game.exchanges(row)

    def transcript(self, row: int) -> str:
        """One row's game as text."""
        return self._seat.game.transcript(row)

    def render(self) -> tuple[Any, ...] | None:
        """The transcript of each game in mode "ansi"."""
        if self.render_mode is None:
            return None
        return tuple(self.transcript(row) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Nothing to release."""

    def _rows_to_reset(
        self, seed: int | Sequence[int] | None, options: dict[str, Any] | None
    ) -> list[int]:
        mask = (options or {}).get("reset_mask")
        if mask is None:
            return list(range(self.num_envs))
        if seed is not None:
            raise ConfigurationError(
                "options['reset_mask'] with a seed: a seed starts all rows anew; leave one out"
            )
        chosen = np.array(mask, dtype=object)
        are_flags = all(isinstance(one, bool | np.bool_) for one in chosen.ravel())
        if chosen.shape != (self.num_envs,) or not are_flags or not chosen.any():
            raise ConfigurationError(
                f"options['reset_mask']={brief(mask)} must hold {self.num_envs} truth values, "
                "some True"
            )
        return np.flatnonzero(chosen).tolist()

    def _observations(self) -> Any:
        observed = self._seat.observe_all()
        if isinstance(observed, dict):
            return observed
        empty = create_empty_array(self.single_observation_space, self.num_envs)
        return concatenate(self.single_observation_space, observed, empty)

    def _note_seeds(self, rows: Sequence[int]) -> None:
        for row in rows:
            for name, value in seed_infos(self._seat.game, row).items():
                self._seed_infos[name][row] = value

    def _no_parts(self) -> np.ndarray:
        return np.zeros((self.num_envs, len(self._seat.game.part_names)))

    def _infos(self, parts: np.ndarray, where: np.ndarray | None = None) -> dict[str, Any]:
        """Columns [N] and, as Gymnasium has it, for each a mask of the rows it speaks of."""
        where = np.ones(self.num_envs, dtype=bool) if where is None else where
        columns = dict(zip(self._seat.game.part_names, parts.T * where, strict=True))
        columns |= {name: column * where for name, column in self._seed_infos.items()}
        return columns | {f"_{name}": where.copy() for name in columns}

    def _final(self, terminations: np.ndarray, parts: np.ndarray) -> dict[str, Any]:
        """What the games that are over looked like, before new ones take their rows."""
        observations = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(terminations).tolist():
            observations[row] = self._seat.observe(row)
        return {
            "final_obs": observations,
            "_final_obs": terminations.copy(),
            "final_info": self._infos(parts, terminations),
            "_final_info": terminations.copy(),
        }


def _declared(mode: str) -> Any:
    """Gymnasium's name for the mode; the string where Gymnasium has none yet (1.0)."""
    known = getattr(vector, "AutoresetMode", None)
    return mode if known is None else known(mode)
