"""The tasks: the built-in world's two games, on a budget of turns.

| task | the adversary | an attack succeeds where |
|---|---|---|
| red-team | asks what it likes | a secret gets out, or an ordinary question is refused |
| jailbreak | rewords a given secret question | the secret that it asks for gets out |

Both are learnt from the world's reward model and tested by its ground truth.
"""

from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.parallel import TurnParallelEnv
from llm_game_env.seeds import Seed
from llm_game_env.single_agent import SingleAgentEnv, SingleAgentVectorEnv
from llm_game_env.turn_budget import TurnBudget
from llm_game_env.vector import VectorGame

if TYPE_CHECKING:
    from llm_game_env.adapters import SB3VecEnv

GAMES: dict[str, ModuleType] = {"red-team": red_team_v0, "jailbreak": jailbreak_v0}
FIXED = ("reward_model", "intent", "budget")


@dataclass(frozen=True)
class Task:
    """One task, as an algorithm gets it.

    Every environment that it makes counts its turns in the one budget. They take the arguments of
    `red_team_v0`, but for the reward model, the intent check and the budget, which are the task's.

    Attributes:
        name: "red-team" or "jailbreak".
        budget: of turns; `budget.left` says how many may still be played.
        seed: of all that the algorithm draws.
        world: SFT players (`world.adversary`, `world.defender`, Hugging Face folders), seed
            prompts, instruction, encoder. What its splits hold out is for the test alone.

    Raises:
        ConfigurationError: there is no such task.
    """

    name: str
    budget: TurnBudget
    seed: int
    world: World = field(default_factory=load_world)

    def __post_init__(self) -> None:
        check_choice("task", self.name, list(GAMES))

    @property
    def has_goal(self) -> bool:
        """Whether answers are judged against the seed prompt."""
        return self.name == "jailbreak"

    @property
    def seed_prompts(self) -> tuple[Seed, ...]:
        """What games start from by default."""
        prompts = self.world.seed_prompts
        return tuple(p for p in prompts if p.label == "harmful") if self.has_goal else prompts

    def env(self, **arguments: Any) -> OrderEnforcingWrapper:
        """PettingZoo's AEC API."""
        return self._game.env(**self._settled(arguments))

    def parallel_env(self, **arguments: Any) -> TurnParallelEnv:
        """PettingZoo's parallel API."""
        return self._game.parallel_env(**self._settled(arguments))

    def vector_env(self, num_envs: int, **arguments: Any) -> VectorGame:
        """N games in lock-step, both agents'."""
        return self._game.vector_env(num_envs, **self._settled(arguments))

    def single_agent_env(self, **arguments: Any) -> SingleAgentEnv:
        """One agent's seat, as a `gymnasium.Env`; see `llm_game_env.single_agent`."""
        return self._game.single_agent_env(**self._settled(arguments))

    def single_agent_vector_env(self, num_envs: int, **arguments: Any) -> SingleAgentVectorEnv:
        """One agent's seat in N games, as a `gymnasium.vector.VectorEnv`."""
        return self._game.single_agent_vector_env(num_envs, **self._settled(arguments))

    def sb3_vec_env(self, num_envs: int, **arguments: Any) -> "SB3VecEnv":
        """One agent's seat in N games, as a Stable-Baselines3 `VecEnv`."""
        return self._game.sb3_vec_env(num_envs, **self._settled(arguments))

    @property
    def _game(self) -> ModuleType:
        return GAMES[self.name]

    def _settled(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments, and those that the task fixes."""
        own: dict[str, Any] = {"reward_model": self.world.reward_model, "budget": self.budget}
        if self.has_goal:
            own["intent"] = SameMatter()
        for name in FIXED:
            if arguments.get(name, own.get(name)) is not own.get(name):
                raise ConfigurationError(
                    f"{name}={arguments[name]!r} is the task's to say; leave it out, so that all "
                    "algorithms play the same game"
                )
        return {**arguments, **own}
