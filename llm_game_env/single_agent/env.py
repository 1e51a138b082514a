"""The single-agent view: one agent's game behind Gymnasium's `Env`."""

from typing import Any

import gymnasium
import numpy as np

from llm_game_env.checks import check_seed
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.options import read_options
from llm_game_env.rendering import RENDER_MODES, Screen, check_render_mode
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.single_agent.seat import Seat, SeatSettings


class SingleAgentEnv(gymnasium.Env[Any, Any]):
    """The learner moves; the opponent moves inside.

    With the same seed, the same actions and the opponent's messages it is the game that the AEC
    view plays.

    Args:
        settings: see `SeatSettings`.
        render_mode: "ansi" returns the transcript, "human" prints the game as it goes.
    """

    # Text has no frames; Gymnasium warns where their rate is not declared.
    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 1}  # noqa: RUF012

    def __init__(self, settings: SeatSettings, render_mode: str | None = None) -> None:
        check_render_mode(render_mode)
        self.render_mode = render_mode
        self._seat = Seat(settings, 1)
        self._screen = Screen()
        self.observation_space = self._seat.observation_space
        self.action_space = self._seat.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Starts a game, up to the learner's first move.

        Args:
            seed: of the game and of the opponent; this empties the history.
            options: as in `VectorGame.reset`.

        Raises:
            ConfigurationError: a known option or the seed cannot be used; nothing has changed.
        """
        game = self._seat.game
        chosen = read_options(options, game.rules.seeds, 1)
        seed = None if seed is None else check_seed("seed", seed)
        super().reset(seed=seed)
        if seed is not None:
            self._seat.seed([seed])
        game.freeze_history = chosen.freeze_history
        self._seat.reset([0], chosen.seed_indices)
        self._screen.clear()
        if self.render_mode == "human":
            self.render()
        return self._seat.observe(0), self._seat.infos(0, self._seat.no_outcome)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, float]]:
        """One action of the learner, and the opponent's answer to it.

        Returns:
            Observation, the learner's reward, whether the game is over, False (nothing truncates),
            and the parts of the score.

        Raises:
            IllegalAction: the action is outside the space or masked, or the game is over; nothing
                has changed.
        """
        if not self._seat.game.is_active(0):
            raise IllegalAction("the game is over; call reset() first")
        (outcome,) = self._seat.step([0], [action])
        if self.render_mode == "human":
            self.render()
        infos = self._seat.infos(0, outcome)
        return self._seat.observe(0), outcome.reward, outcome.ended, False, infos

    def action_masks(self) -> np.ndarray:
        """bool [V], the actions that are legal now (what sb3-contrib's MaskablePPO asks for).

        Raises:
            ConfigurationError: the format has no masks.
        """
        return legal_now(self._seat.observe(0))

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the game so far."""
        return self._seat.game.exchanges(0)

    def transcript(self) -> str:
        """The game so far as text."""
        return self._seat.game.transcript(0)

    def render(self) -> Any:
        """The transcript in mode "ansi"; in mode "human" what is new of it is printed.

        In mode "human" the environment calls it itself, at every reset and step.
        """
        return self._screen.show(self._seat.game.lines(0), self.render_mode)


def legal_now(observation: Any) -> np.ndarray:
    """The masks of an observation or a batch of them, as bool.

    Raises:
        ConfigurationError: the format has no masks.
    """
    if "action_mask" not in observation:
        raise ConfigurationError("only action_format='tokens' has action masks; set that")
    return observation["action_mask"].astype(bool)
