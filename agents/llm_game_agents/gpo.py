"""GPO: two players, one environment, alternating stages of PPO.

Zheng et al. 2024 (arXiv 2406.10977), Algorithm 1. In a defend stage the defender learns from its
answers to what the current adversary writes; in an attack stage the adversary learns from what the
current defender answers. Other arms are the same loop with another schedule or another player.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llm_game_agents import checkpoint
from llm_game_agents.draws import lineup_generator
from llm_game_agents.interrupts import held_interrupts
from llm_game_agents.opponents import LatestAndPast, Lineup, line_up, snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.ppo import PPO, PPOStats
from llm_game_agents.ppo_config import PPOConfig
from llm_game_agents.rollout import Exchanged, Rollout, collect
from llm_game_agents.schedules import Stage, alternating
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.vector import VectorGame


@dataclass(frozen=True)
class GPOConfig:
    """A run of GPO.

    Attributes:
        defend_updates, attack_updates: PPO updates in a stage of either kind.
        rounds: how often the pair of stages is played.
        final_attack: whether the last round has its attack stage, which no defender answers.
        defender, adversary: knobs of PPO for either player.
        defender_max_tokens, adversary_max_tokens: of one message.
        past_share: of the games of a defend stage that earlier adversaries play, see
            `LatestAndPast`; 0 is the algorithm as printed.
        temperature: at which both players write, and at which probabilities are taken.
        seed: of sampling, of the environment and of the minibatches.
    """

    defend_updates: int = 4
    attack_updates: int = 14
    rounds: int = 3
    final_attack: bool = True
    defender: PPOConfig = field(default_factory=PPOConfig)
    adversary: PPOConfig = field(
        # One game in a hundred gets a secret out at first: few batches have much to teach.
        default_factory=lambda: PPOConfig(learning_rate=1e-3, adam_eps=1e-3, kl_coef=0.03)
    )
    defender_max_tokens: int = 20
    adversary_max_tokens: int = 32
    past_share: float = 0.5
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("defender_max_tokens", "adversary_max_tokens"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 1")
        LatestAndPast(self.past_share)  # Refuses what is no share.

    def schedule(self) -> list[Stage]:
        """The alternating stages of GPO."""
        stages = list(alternating(self.defend_updates, self.attack_updates, self.rounds))
        return stages if self.final_attack else stages[:-1]


@dataclass(frozen=True)
class Iteration:
    """One update, as it is handed to the callback.

    Attributes:
        index: of the update within the run, from 0.
        stage: the stage it belongs to.
        stage_index: of that stage within the run, from 0.
        rollout: the games that were played.
        stats: what PPO did with them.
        rollout_seconds, update_seconds: wall-clock time.
    """

    index: int
    stage: Stage
    stage_index: int
    rollout: Rollout
    stats: PPOStats
    rollout_seconds: float
    update_seconds: float

    @property
    def exchanges(self) -> list[Exchanged]:
        """All exchanges of the rollout."""
        return self.rollout.exchanges


class GPO:
    """Co-trains two players through the environment's step API.

    Args:
        env: a `vector_env`; its number of games is the batch size.
        adversary, defender: a `LanguagePolicy` learns in its stages; any other `Player` only plays.
        config: see `GPOConfig`.
        schedule: stages to play instead of GPO's alternation.

    Raises:
        ConfigurationError: a stage is to train a player that cannot learn, or a policy writes at
            another temperature than the configuration says.
    """

    def __init__(
        self,
        env: VectorGame,
        adversary: Player,
        defender: Player,
        config: GPOConfig | None = None,
        schedule: Iterable[Stage] | None = None,
    ) -> None:
        self.env = env
        self.config = config or GPOConfig()
        self.stages = self.config.schedule() if schedule is None else list(schedule)
        self.players: Mapping[str, Player] = {
            AGENTS[ADVERSARY]: adversary,
            AGENTS[DEFENDER]: defender,
        }
        for agent, player in self.players.items():
            if isinstance(player, LanguagePolicy):
                self._check_temperature(agent, player.player.temperature)
        self.max_tokens = {
            AGENTS[ADVERSARY]: self.config.adversary_max_tokens,
            AGENTS[DEFENDER]: self.config.defender_max_tokens,
        }
        self.learners = self._make_learners()
        self.opponents = LatestAndPast(self.config.past_share)
        self.past_adversaries: list[CausalLMPlayer] = []
        self.num_iterations = 0
        # Row seeds that runs with neighbouring seeds do not share.
        rows = np.random.SeedSequence(self.config.seed).generate_state(env.num_envs)
        env.reset(seed=rows.tolist())

    @property
    def total_updates(self) -> int:
        """Updates of the whole schedule, those already made included."""
        return sum(stage.updates for stage in self.stages)

    def learn(self, callback: Callable[[Iteration], None] | None = None) -> "GPO":
        """Plays the schedule from where it stands; the callback sees every update.

        Ctrl-C takes effect after the update at hand, so that the run can be saved as it stands.
        """
        done = 0
        for stage_index, stage in enumerate(self.stages):
            for update in range(stage.updates):
                done += 1
                if done > self.num_iterations:
                    with held_interrupts():
                        if update == 0:
                            self._keep_adversary(stage_index)
                        iteration = self._iterate(stage, stage_index)
                        if callback is not None:
                            callback(iteration)
        return self

    def save(self, path: str | Path) -> Path:
        """Writes both players as Hugging Face folders and all that going on needs."""
        return checkpoint.save(path, self)

    @classmethod
    def load(cls, path: str | Path, env: VectorGame, **arguments: Any) -> "GPO":
        """Takes up a saved run, in an environment made as its own was; see `checkpoint.load`."""
        return checkpoint.load(path, env, **arguments)

    def _iterate(self, stage: Stage, stage_index: int) -> Iteration:
        start = time.perf_counter()
        rollout = collect(
            self.env,
            self._line_up(stage),
            self.max_tokens,
            seed=self.config.seed,
            iteration=self.num_iterations,
        )
        played = time.perf_counter()
        stats = self.learners[stage.learner].update(rollout.decisions[stage.learner])
        index = self.num_iterations
        self.num_iterations += 1
        return Iteration(
            index=index,
            stage=stage,
            stage_index=stage_index,
            rollout=rollout,
            stats=stats,
            rollout_seconds=played - start,
            update_seconds=time.perf_counter() - played,
        )

    def _keep_adversary(self, stage_index: int) -> None:
        """Keeps the adversary as it is before it learns, where a later defend stage wants it."""
        adversary = self.players[AGENTS[ADVERSARY]]
        learns = self.stages[stage_index].kind == "attack"
        wanted = any(stage.kind == "defend" for stage in self.stages[stage_index:])
        if learns and wanted and self.config.past_share and isinstance(adversary, LanguagePolicy):
            self.past_adversaries.append(snapshot(adversary))

    def _line_up(self, stage: Stage) -> Mapping[str, Player | Lineup]:
        """Who plays: in a defend stage, earlier adversaries take their share of the games."""
        if stage.kind == "attack" or not self.past_adversaries:
            return self.players
        rng = lineup_generator(self.config.seed, self.num_iterations)
        latest = self.players[AGENTS[ADVERSARY]]
        lineup = line_up(self.opponents, self.past_adversaries, latest, rng, self.env.num_envs)
        return {**self.players, AGENTS[ADVERSARY]: lineup}

    def _check_temperature(self, agent: str, temperature: float) -> None:
        if temperature != self.config.temperature:
            raise ConfigurationError(
                f"{agent} writes at temperature {temperature}, the configuration says "
                f"temperature={self.config.temperature}; give both the same"
            )

    def _make_learners(self) -> dict[str, PPO]:
        configs = {
            AGENTS[ADVERSARY]: self.config.adversary,
            AGENTS[DEFENDER]: self.config.defender,
        }
        learners: dict[str, PPO] = {}
        for index, agent in enumerate(AGENTS):
            if agent not in {stage.learner for stage in self.stages}:
                continue
            player = self.players[agent]
            if not isinstance(player, LanguagePolicy):
                raise ConfigurationError(
                    f"the schedule trains {agent}, which is a {type(player).__name__}; give a "
                    "LanguagePolicy, or a schedule without its stages"
                )
            learners[agent] = PPO(player, configs[agent], seed=[self.config.seed, index])
        return learners
