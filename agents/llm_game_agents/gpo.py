"""GPO: two players, one environment, alternating stages of PPO.

Zheng et al. 2024 (arXiv 2406.10977), Algorithm 1. In a defend stage the defender learns from its
answers to what the current adversary writes; in an attack stage the adversary learns from what the
current defender answers. Other algorithms are the same loop with another update rule, another
schedule, or other opponents.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from llm_game_agents import checkpoint
from llm_game_agents.draws import lineup_generator
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.interrupts import held_interrupts
from llm_game_agents.iteration import Iteration
from llm_game_agents.matchmaking import Matchmaker
from llm_game_agents.meta_game import mean_score
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.rollout import Rollout, collect
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import Learner
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.vector import VectorGame


class GPO:
    """Co-trains two players through the environment's step API.

    Args:
        env: a `vector_env`; its number of games is the batch size.
        adversary, defender: a `LanguagePolicy` learns in its stages; any other `Player` only plays.
        config: see `GPOConfig`.
        schedule: stages to play instead of GPO's alternation.
        processes: that all make this run and learn in step, see `open_processes`.

    Raises:
        ConfigurationError: a stage is to train a player that cannot learn, a policy writes at
            another temperature than the configuration says, or the batch is no whole number of
            the groups that an update rule compares.
    """

    def __init__(
        self,
        env: VectorGame,
        adversary: Player,
        defender: Player,
        config: GPOConfig | None = None,
        schedule: Iterable[Stage] | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.env, self.processes = env, processes
        self.config = config or GPOConfig()
        self.stages = self.config.schedule() if schedule is None else list(schedule)
        self.players: Mapping[str, Player] = {
            AGENTS[ADVERSARY]: adversary,
            AGENTS[DEFENDER]: defender,
        }
        for agent, player in self.players.items():
            if isinstance(player, LanguagePolicy):
                self._check_temperature(agent, player.player.temperature)
        self.learners = self._make_learners()
        self.matchmaker = Matchmaker(self.config.opponents)
        self.stage_index = self.stage_updates = self.num_iterations = self.num_rollouts = 0
        self.is_amid_update = False  # Stays True where an update was broken off.
        # Row seeds that runs with neighbouring seeds do not share.
        rows = np.random.SeedSequence(self.config.seed).generate_state(env.num_envs)
        env.reset(seed=rows.tolist())

    @property
    def total_updates(self) -> int:
        """Updates of the whole schedule at most, those already made included."""
        return sum(stage.updates for stage in self.stages)

    def learn(self, callback: Callable[[Iteration], None] | None = None) -> "GPO":
        """Plays the schedule from where it stands; the callback sees every update.

        Ctrl-C takes effect after the update at hand, so that the run can be saved as it stands.
        """
        with held_interrupts() as interrupts:
            while self.stage_index < len(self.stages):
                self.is_amid_update = True
                start = time.perf_counter()
                if self.stage_updates == 0:
                    self._open_stage()
                opened = time.perf_counter() - start
                iteration = self._iterate(self.stages[self.stage_index], opened)
                self._move_on(iteration)
                self.is_amid_update = False
                if callback is not None:
                    callback(iteration)
                if self.processes.any(bool(interrupts)):
                    raise KeyboardInterrupt
        return self

    def save(self, path: str | Path) -> Path:
        """Writes both players as Hugging Face folders and all that going on needs."""
        checkpoint.gather(self)
        return self.processes.from_main(lambda: checkpoint.save(path, self))

    @classmethod
    def load(cls, path: str | Path, env: VectorGame, **arguments: Any) -> "GPO":
        """Takes up a saved run, in an environment made as its own was; see `checkpoint.load`."""
        return checkpoint.load(path, env, **arguments)

    def _open_stage(self) -> None:
        stages = self.stages[self.stage_index :]
        updates = {
            agent: self.learners[agent].num_updates if agent in self.learners else 0
            for agent in AGENTS
        }
        play = partial(mean_score, self.env, self.config, processes=self.processes)
        self.matchmaker.open_stage(stages, self.players, updates, play)
        for agent in stages[0].learners:
            if self.config.anchor == "stage":
                self.learners[agent].policy.anchor()
            self.learners[agent].open_stage()

    def _iterate(self, stage: Stage, evaluation_seconds: float) -> Iteration:
        """One update of every learner, each on games of its own against the other as it was."""
        start = time.perf_counter()
        indices = range(self.num_rollouts, self.num_rollouts + len(stage.learners))
        rollouts = {
            agent: self._play(agent, index)
            for agent, index in zip(stage.learners, indices, strict=True)
        }
        played = time.perf_counter()
        stats = {
            agent: self.learners[agent].update(rollout.decisions[agent])
            for agent, rollout in rollouts.items()
        }
        return Iteration(
            index=self.num_iterations,
            stage=stage,
            stage_index=self.stage_index,
            rollouts=rollouts,
            stats=stats,
            unsafe_below=self.env.game.rules.unsafe_below,
            rollout_seconds=played - start,
            update_seconds=time.perf_counter() - played,
            evaluation_seconds=evaluation_seconds,
        )

    def _play(self, learner: str, index: int) -> Rollout:
        """A batch of games for one agent to learn from; the index keys its draws."""
        config = self.config
        group_size = config.rules[learner].group_size
        rng = lineup_generator(config.seed, index)
        return collect(
            self.env,
            self.matchmaker.line_up(learner, self.players, rng, self.env.num_envs, group_size),
            config.max_tokens,
            seed=config.seed,
            iteration=index,
            learner=learner,
            group_size=group_size,
            processes=self.processes,
        )

    def _move_on(self, iteration: Iteration) -> None:
        self.num_iterations += 1
        self.num_rollouts += len(iteration.rollouts)
        self.stage_updates += 1
        if iteration.stage.is_over(self.stage_updates, iteration.attack_success):
            self.stage_index, self.stage_updates = self.stage_index + 1, 0

    def _check_temperature(self, agent: str, temperature: float) -> None:
        if temperature != self.config.temperature:
            raise ConfigurationError(
                f"{agent} writes at temperature {temperature}, the configuration says "
                f"temperature={self.config.temperature}; give both the same"
            )

    def _make_learners(self) -> dict[str, Learner]:
        learners: dict[str, Learner] = {}
        for index, (agent, rule) in enumerate(self.config.rules.items()):
            if not any(agent in stage.learners for stage in self.stages):
                continue
            player = self.players[agent]
            if not isinstance(player, LanguagePolicy):
                raise ConfigurationError(
                    f"the schedule trains {agent}, which is a {type(player).__name__}; give a "
                    "LanguagePolicy, or a schedule without its stages"
                )
            if self.env.num_envs % rule.group_size:
                raise ConfigurationError(
                    f"group_size={rule.group_size} of {agent} does not divide the batch of "
                    f"{self.env.num_envs} games; choose one that does"
                )
            learners[agent] = rule.make_learner(player, [self.config.seed, index])
            learners[agent].join(self.processes)
        return learners
