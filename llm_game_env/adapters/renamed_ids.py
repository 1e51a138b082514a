"""The ids under the key `observations`, where RLlib's action masking looks for them."""

from typing import Any, overload

from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper, BaseWrapper

from llm_game_env.adapters.token_spaces import token_space


@overload
def observations_key(env: AECEnv[str, Any, Any]) -> "ObservationsKey": ...
@overload
def observations_key(env: ParallelEnv[str, Any, Any]) -> "ParallelObservationsKey": ...
def observations_key(
    env: AECEnv[str, Any, Any] | ParallelEnv[str, Any, Any],
) -> "ObservationsKey | ParallelObservationsKey":
    """The same game, its observations `Dict{"observations", "action_mask", "to_move"}`.

    Args:
        env: the AEC or the parallel view of a game in the tokens format.

    Raises:
        ConfigurationError: it is not in the tokens format.
    """
    return ParallelObservationsKey(env) if isinstance(env, ParallelEnv) else ObservationsKey(env)


class ObservationsKey(BaseWrapper[str, Any, Any]):
    """The AEC view; see `observations_key`."""

    def __init__(self, env: AECEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self.observation_spaces = _spaces(env)

    def observation_space(self, agent: str) -> Any:
        """The same object each call."""
        return self.observation_spaces[agent]

    def observe(self, agent: str) -> dict[str, Any]:
        """What the agent sees of the game."""
        return _renamed(self.env.observe(agent))


class ParallelObservationsKey(BaseParallelWrapper[str, Any, Any]):
    """The parallel view; see `observations_key`."""

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self.observation_spaces = _spaces(env)

    def observation_space(self, agent: str) -> Any:
        """The same object each call."""
        return self.observation_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Starts a game; returns observations and infos."""
        observations, infos = super().reset(seed, options)
        return {agent: _renamed(seen) for agent, seen in observations.items()}, infos

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], Any, Any, Any, Any]:
        """One step of the agent whose turn it is."""
        observations, rewards, terminations, truncations, infos = super().step(actions)
        renamed = {agent: _renamed(seen) for agent, seen in observations.items()}
        return renamed, rewards, terminations, truncations, infos


def _renamed(observation: Any) -> dict[str, Any]:
    seen = dict(observation)
    return {"observations": seen.pop("observation"), **seen}


def _spaces(env: Any) -> dict[str, spaces.Space[Any]]:
    return {
        agent: spaces.Dict(_renamed(token_space(env.observation_space(agent)).spaces))
        for agent in env.possible_agents
    }
