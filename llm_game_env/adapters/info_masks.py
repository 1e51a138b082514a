"""The action mask in the infos, where AgileRL looks for it."""

from collections.abc import Mapping
from typing import Any, overload

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper, BaseWrapper

from llm_game_env.adapters.token_spaces import token_space


@overload
def mask_in_info(env: AECEnv[str, Any, Any]) -> "MaskInInfo": ...
@overload
def mask_in_info(env: ParallelEnv[str, Any, Any]) -> "ParallelMaskInInfo": ...
def mask_in_info(
    env: AECEnv[str, Any, Any] | ParallelEnv[str, Any, Any],
) -> "MaskInInfo | ParallelMaskInInfo":
    """The same game, its observations the ids alone: `Box(0, V + 4, [max_context], int64)`.

    The infos of either agent gain `action_mask`, int8 [V], and `to_move`, the index of the agent
    whose turn it is as a float.

    Args:
        env: the AEC or the parallel view of a game in the tokens format.

    Raises:
        ConfigurationError: it is not in the tokens format.
    """
    return ParallelMaskInInfo(env) if isinstance(env, ParallelEnv) else MaskInInfo(env)


class MaskInInfo(BaseWrapper[str, Any, Any]):
    """The AEC view; see `mask_in_info`."""

    def __init__(self, env: AECEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self.observation_spaces = _spaces(env)

    def observation_space(self, agent: str) -> Any:
        """The same object each call."""
        return self.observation_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Starts a game."""
        super().reset(seed, options)
        self._note_masks()

    def step(self, action: Any) -> None:
        """The acting agent's token; None for an agent whose game has ended."""
        super().step(action)
        self._note_masks()

    def observe(self, agent: str) -> np.ndarray:
        """The dialogue's ids as the agent sees them."""
        return self._seen(agent)["observation"]

    def _seen(self, agent: str) -> Mapping[str, Any]:
        return self.env.observe(agent)  # pyright: ignore[reportReturnType] - it is never None

    def _note_masks(self) -> None:
        # Once a step: PettingZoo compares the infos of `last` with these.
        infos = self.env.infos
        self.infos = {agent: _with_mask(infos[agent], self._seen(agent)) for agent in infos}


class ParallelMaskInInfo(BaseParallelWrapper[str, Any, Any]):
    """The parallel view; see `mask_in_info`."""

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self.observation_spaces = _spaces(env)

    def observation_space(self, agent: str) -> Any:
        """The same object each call."""
        return self.observation_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Starts a game; returns observations and infos."""
        observations, infos = super().reset(seed, options)
        return _ids(observations), _with_masks(infos, observations)

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, np.ndarray], Any, Any, Any, dict[str, dict[str, Any]]]:
        """One step of the agent whose turn it is."""
        observations, rewards, terminations, truncations, infos = super().step(actions)
        masked = _with_masks(infos, observations)
        return _ids(observations), rewards, terminations, truncations, masked


def _ids(observations: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {agent: seen["observation"] for agent, seen in observations.items()}


def _with_mask(infos: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    return {**infos, "action_mask": seen["action_mask"], "to_move": float(seen["to_move"])}


def _with_masks(
    infos: Mapping[str, Mapping[str, Any]], observations: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    return {agent: _with_mask(infos[agent], observations[agent]) for agent in infos}


def _spaces(env: Any) -> dict[str, spaces.Space[Any]]:
    return {
        agent: token_space(env.observation_space(agent))["observation"]
        for agent in env.possible_agents
    }
