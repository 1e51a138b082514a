"""Best responses by PPO: a fresh adversary against a frozen defender, or the reverse.

What `llm_game_env.evaluation.exploitability` takes as its trainer. The frozen player may be any
`Player`: a checkpoint, a script, a mixture, an endpoint.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import adversary_only, defender_only
from llm_game_env import red_team_v0
from llm_game_env.checks import check_whole
from llm_game_env.evaluation.exploitability import BestResponse, Budget
from llm_game_env.gatekeeper.world import World
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.rewards.protocol import RewardModel
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER, agent_index
from llm_game_env.vector import VectorGame

NUM_UPDATES = 28
NUM_GAMES = 128


@dataclass(frozen=True)
class PPOBestResponse:
    """Trains one agent against a frozen opponent for a given number of updates.

    Attributes:
        agent: "adversary_0" or "defender_0".
        start: the folder or hub id of the player it begins as, anew for every opponent.
        make_env: makes the games to learn from; their number is the batch size.
        updates: of the learner, each on one batch of games.
        config: knobs of the learner, lengths and temperature; its schedule, opponents and seed are
            not used.
        device: where the learner lives.

    Raises:
        ConfigurationError: there is no such agent, or `updates` is below 1.
    """

    agent: str
    start: str | PathLike[str]
    make_env: Callable[[], VectorGame]
    updates: int = NUM_UPDATES
    config: GPOConfig = field(default_factory=GPOConfig)
    device: str = "cpu"

    def __post_init__(self) -> None:
        agent_index(self.agent)
        check_whole("updates", self.updates)

    def __call__(self, opponent: Player, *, seed: int) -> BestResponse:
        """See `BestResponseTrainer`; the player is the one after the last update."""
        temperature = self.config.temperature
        learner = LanguagePolicy.load(self.start, temperature=temperature, device=self.device)
        untrained = CausalLMPlayer.load(self.start, temperature=temperature, device=self.device)
        env = self.make_env()
        latest = LatestAndPast()
        config = replace(self.config, seed=seed, adversary_plays=latest, defender_plays=latest)
        start = time.perf_counter()
        if agent_index(self.agent) == ADVERSARY:
            GPO(env, learner, opponent, config, adversary_only(self.updates)).learn()
        else:
            GPO(env, opponent, learner, config, defender_only(self.updates)).learn()
        seconds = time.perf_counter() - start
        budget = Budget(self.updates, self.updates * env.num_envs, seconds)
        return BestResponse(learner.player, untrained, budget)


def best_adversary(
    world: World,
    *,
    updates: int = NUM_UPDATES,
    num_games: int = NUM_GAMES,
    reward_model: RewardModel | None = None,
    config: GPOConfig | None = None,
) -> PPOBestResponse:
    """In the built-in world, an adversary that begins as the SFT one.

    Args:
        world: a build of it.
        updates: how long it learns.
        num_games: batch size.
        reward_model: what it learns from: the world's learned one by default, as the arms do; with
            the ground truth (`JudgeScore`) it learns what it is tested by.
        config: its knobs; GPO's by default.
    """
    make_env = partial(_games, world, num_games, reward_model)
    knobs = config or GPOConfig()
    return PPOBestResponse(AGENTS[ADVERSARY], world.adversary, make_env, updates, knobs)


def best_defender(
    world: World,
    *,
    updates: int = NUM_UPDATES,
    num_games: int = NUM_GAMES,
    reward_model: RewardModel | None = None,
    config: GPOConfig | None = None,
) -> PPOBestResponse:
    """In the built-in world, a defender that begins as the SFT one; arguments as above."""
    make_env = partial(_games, world, num_games, reward_model)
    knobs = config or GPOConfig()
    return PPOBestResponse(AGENTS[DEFENDER], world.defender, make_env, updates, knobs)


def _games(world: World, num_games: int, reward_model: RewardModel | None) -> VectorGame:
    return red_team_v0.vector_env(
        num_games,
        seed_prompts=world.seed_prompts,
        reward_model=world.reward_model if reward_model is None else reward_model,
        instruction=world.instruction,
    )
