"""All forms in which a game of texts or tokens can be played, from what it takes for its rules."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from llm_game_env.aec import GameEnv
from llm_game_env.defaults import choose_format
from llm_game_env.diversity import Diversity
from llm_game_env.parallel import TurnParallelEnv
from llm_game_env.rules import Rules
from llm_game_env.single_agent import SingleAgentEnv, SingleAgentVectorEnv, choose_seat
from llm_game_env.vector import VectorGame

if TYPE_CHECKING:
    from llm_game_env.adapters import SB3VecEnv


@dataclass(frozen=True)
class Views:
    """What the module of a game offers; arguments are those of that module's table.

    Attributes:
        name: of the game, for the metadata of its environments.
        rules: makes its rules from those arguments that say what is played.
    """

    name: str
    rules: Callable[..., Rules]

    def env(self, **arguments: Any) -> OrderEnforcingWrapper:
        """The AEC environment, with PettingZoo's wrapper that explains calls out of order."""
        return OrderEnforcingWrapper(self.raw_env(**arguments))

    def raw_env(
        self,
        *,
        diversity: Diversity | None = None,
        render_mode: Literal["human", "ansi"] | None = None,
        **arguments: Any,
    ) -> GameEnv:
        """The AEC environment; the arguments are those of the module's table.

        Raises:
            ConfigurationError: an argument cannot be used.
        """
        tokens = choose_format(arguments)
        return GameEnv(self.name, self.rules(**arguments), diversity, render_mode, tokens)

    def parallel_env(self, **arguments: Any) -> TurnParallelEnv:
        """The parallel environment; the arguments are those of the module's table."""
        return TurnParallelEnv(self.raw_env(**arguments))

    def vector_env(
        self, num_envs: int, *, diversity: Diversity | None = None, **arguments: Any
    ) -> VectorGame:
        """`num_envs` games in lock-step; the arguments are those of the module's table.

        Raises:
            ConfigurationError: an argument cannot be used.
        """
        tokens = choose_format(arguments)
        return VectorGame(self.rules(**arguments), num_envs, diversity, tokens)

    def single_agent_env(
        self, *, render_mode: Literal["human", "ansi"] | None = None, **arguments: Any
    ) -> SingleAgentEnv:
        """One agent's game as a `gymnasium.Env`, the opponent inside.

        The arguments are those of the module's table and of `llm_game_env.single_agent`.
        """
        return SingleAgentEnv(choose_seat(self.rules, **arguments), render_mode)

    def single_agent_vector_env(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | Enum = "NextStep",
        render_mode: Literal["ansi"] | None = None,
        **arguments: Any,
    ) -> SingleAgentVectorEnv:
        """One agent's seat in `num_envs` games as a `gymnasium.vector.VectorEnv`.

        The arguments are those of `single_agent_env`; `autoreset_mode` and `render_mode` as in
        `SingleAgentVectorEnv`.
        """
        settings = choose_seat(self.rules, **arguments)
        return SingleAgentVectorEnv(num_envs, settings, autoreset_mode, render_mode)

    def sb3_vec_env(self, num_envs: int, **arguments: Any) -> "SB3VecEnv":
        """One agent's seat in `num_envs` games as a Stable-Baselines3 `VecEnv`.

        The arguments are those of `single_agent_env`, but for `render_mode`; `action_format` is
        "tokens" by default, and must be.
        """
        # Imported here: Stable-Baselines3 brings torch.
        from llm_game_env.adapters import SB3VecEnv

        arguments.setdefault("action_format", "tokens")
        return SB3VecEnv(num_envs, choose_seat(self.rules, **arguments))
