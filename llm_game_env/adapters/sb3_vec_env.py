"""One agent's seat in N games behind Stable-Baselines3's `VecEnv`.

Stable-Baselines3 does not take Gymnasium's vector environments, and its own batching plays one
game after the other. Here the opponent and the reward model are called once a step for all games.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from llm_game_env.checks import check_one_each, check_whole
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.options import read_options
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.single_agent.env import legal_now
from llm_game_env.single_agent.seat import Seat, SeatSettings


class SeatRow:
    """One of the games, for what Stable-Baselines3 asks of single environments by name."""

    render_mode = None

    def __init__(self, seat: Seat, row: int) -> None:
        self.observation_space = seat.observation_space
        self.action_space = seat.action_space
        self._seat = seat
        self._row = row

    def action_masks(self) -> np.ndarray:
        """bool [V], the actions that are legal now (what sb3-contrib's MaskablePPO asks for)."""
        return legal_now(self._seat.observe(self._row))

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the game so far."""
        return self._seat.game.exchanges(self._row)

    def transcript(self) -> str:
        """The game so far as text."""
        return self._seat.game.transcript(self._row)


class SB3VecEnv(VecEnv):
    """N games that the learner plays at once, each against the opponent.

    It plays as `SingleAgentVectorEnv` does in its mode "SameStep": a game that is over is followed
    by a new one at once, and its last observation is `infos[row]["terminal_observation"]`.
    `env_method` and `get_attr` reach what `SeatRow` has.

    Args:
        num_envs: N.
        settings: see `SeatSettings`; in the tokens format.

    Raises:
        ConfigurationError: an argument cannot be used.
    """

    def __init__(self, num_envs: int, settings: SeatSettings) -> None:
        num_envs = check_whole("num_envs", num_envs)
        if settings.tokens is None:
            raise ConfigurationError(
                "action_format='text': Stable-Baselines3 plays with numbers alone; set 'tokens'"
            )
        self._seat = Seat(settings, num_envs)
        self._rows = [SeatRow(self._seat, row) for row in range(num_envs)]
        self._actions: Any = ()
        super().__init__(num_envs, self._seat.observation_space, self._seat.action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds row i with `seed + i`, and the opponent, at the next reset; returns the seeds."""
        if seed is None:  # Left to the base class, it would come from NumPy's global generator.
            seed = int(np.random.default_rng().integers(2**32))
        return super().seed(seed)

    def reset(self) -> dict[str, np.ndarray]:
        """Starts N games, with the seeds and options set since the last reset.

        Returns:
            Observations: "observation" int64 [N, L], "action_mask" int8 [N, V], "to_move" int64
            [N]. The infos are in `reset_infos`.

        Raises:
            ConfigurationError: an option cannot be used.
        """
        rows = range(self.num_envs)
        freeze_history, indices = self._read_options()
        seeds = [seed for seed in self._seeds if seed is not None]
        if seeds:
            self._seat.seed(seeds)
        self._reset_seeds()
        self._reset_options()
        self._seat.game.freeze_history = freeze_history
        self._seat.reset(rows, indices)
        self.reset_infos = [self._seat.infos(row, self._seat.no_outcome) for row in rows]
        return self._seat.observe_all()

    def step_async(self, actions: np.ndarray) -> None:
        """Takes the actions, int [N]."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """One action of the learner in every game, and the opponents' answers.

        Returns:
            Observations as `reset` gives them, rewards float32 [N], dones bool [N], infos.

        Raises:
            IllegalAction: an action is outside the space or masked, or there was no reset; nothing
                has changed.
        """
        rows = range(self.num_envs)
        check_one_each(self._actions, self.num_envs)
        idle = [row for row in rows if not self._seat.game.is_active(row)]
        if idle:
            raise IllegalAction(f"rows {idle} have no game; call reset() first", rows=idle)
        outcomes = self._seat.step(rows, self._actions)
        rewards = np.array([outcome.reward for outcome in outcomes], dtype=np.float32)
        dones = np.array([outcome.ended for outcome in outcomes])
        infos: list[dict[str, Any]] = [
            {**self._seat.infos(row, outcome), "TimeLimit.truncated": False}
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
        over = np.flatnonzero(dones).tolist()
        for row in over:
            infos[row]["terminal_observation"] = self._seat.observe(row)
        self._seat.reset(over)
        for row in over:
            self.reset_infos[row] = self._seat.infos(row, self._seat.no_outcome)
        return self._seat.observe_all(), rewards, dones, infos

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of some rows, of all by default."""
        return [getattr(row, attr_name) for row in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Sets an attribute of some rows, of all by default."""
        for row in self._chosen(indices):
            setattr(row, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """What a method of some rows returns, of all by default."""
        return [getattr(row, method_name)(*method_args, **kwargs) for row in self._chosen(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """False for each row: nothing wraps it."""
        return [False for _ in self._chosen(indices)]

    def close(self) -> None:
        """Nothing to release."""

    def _chosen(self, indices: VecEnvIndices) -> list[SeatRow]:
        return [self._rows[index] for index in self._get_indices(indices)]

    def _read_options(self) -> tuple[bool, list[int] | None]:
        """Stable-Baselines3 keeps options by row; the rows share their history."""
        seeds = self._seat.game.rules.seeds
        chosen = [read_options(options, seeds, 1) for options in self._options]
        if len({options.freeze_history for options in chosen}) > 1:
            raise ConfigurationError(
                "options['freeze_history'] differs between the games, which share one history; set "
                "it for all, or for none"
            )
        named = [options.seed_indices for options in chosen]
        indices = [index for one in named if one is not None for index in one]
        if indices and len(indices) != self.num_envs:
            raise ConfigurationError(
                f"options['seed_prompt_ids'] names seed prompts for {len(indices)} of "
                f"{self.num_envs} games; name one in each game's options, or none"
            )
        return chosen[0].freeze_history, indices or None
