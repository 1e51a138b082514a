"""The study's runs: what is trained, with which settings, and what is kept of each."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llm_game_agents.arms import find_arm, make_run, with_defender
from llm_game_agents.experiment import unwrapped
from llm_game_agents.gpo import GPOConfig, Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder
from llm_game_env.evaluation.attack import attack_rates
from llm_game_env.evaluation.defender_report import defender_report, validation_error
from llm_game_env.gatekeeper.build import BuildConfig, build_world
from llm_game_env.gatekeeper.world import SHIPPED, World, load_world
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

LEARNING_RATES = (1e-4, 2e-4, 4e-4)
KL_COEFS = (0.05, 0.2)
NUM_GAMES = 96
NUM_PER_LABEL = 512
NUM_VALIDATION = 192
NUM_ATTACKS = 1024
UNTRAINED = ("sft", "always-refuse")
TUNED = (
    "rlhf",
    "rlhf-steps",
    "rlhf-frozen",
    "rlhf-frozen-steps",
    "rlhf-uniform",
    "gpo",
    "gpo+div",
    "gpo+div5",
    "gpo+div10",
)
ATTACKERS = ("sft", "red-team", "red-team+div", "gpo", "gpo+div", "gpo+div5", "gpo+div10")
TARGET = "rlhf"


@dataclass(frozen=True)
class Settings:
    """One point of the grid.

    Attributes:
        learning_rate, kl_coef: of the defender.
        checkpoint: which state of the defender counts: 0 after half of its updates, 1 at the end.
    """

    learning_rate: float = 2e-4
    kl_coef: float = 0.05
    checkpoint: int = 1


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        arm: its name.
        build: the world's seed.
        settings: of the defender's training.
        folder: of the study.
        target: a defender's folder; the job then tests the run's adversary on it.
    """

    arm: str
    build: int
    settings: Settings
    folder: Path
    target: Path | None = None

    @property
    def run_folder(self) -> Path:
        """Where the run is kept."""
        settings = self.settings
        name = f"{self.arm}-lr{settings.learning_rate:g}-kl{settings.kl_coef:g}"
        return self.folder / f"build{self.build}" / name

    @property
    def path(self) -> Path:
        """The job's result; it is there once the job is finished."""
        return self.run_folder / ("result.json" if self.target is None else "attack.json")

    def defender_folder(self, checkpoint: int) -> Path:
        """Where the defender is kept as it was at a checkpoint."""
        return self.run_folder / f"defender_{checkpoint}"

    def attacking(self, other: "Job") -> "Job":
        """The test of this run's adversary on the chosen defender of another run."""
        return replace(self, target=other.defender_folder(other.settings.checkpoint))

    def result(self) -> dict[str, Any]:
        """What the job wrote."""
        return json.loads(self.path.read_text(encoding="utf-8"))


def tune_jobs(builds: Sequence[int], folder: Path) -> list[Job]:
    """Every tuned arm at every point of the grid, on the development builds."""
    return [
        Job(arm, build, Settings(learning_rate, kl_coef), folder)
        for build, arm, learning_rate, kl_coef in product(builds, TUNED, LEARNING_RATES, KL_COEFS)
    ]


def choose_settings(tuning: Sequence[Job]) -> dict[str, Settings]:
    """For each arm the settings with the least validation error, averaged over builds."""
    errors: dict[tuple[str, Settings], list[float]] = {}
    for job in tuning:
        for checkpoint, evaluation in enumerate(job.result()["evaluations"]):
            key = (job.arm, replace(job.settings, checkpoint=checkpoint))
            errors.setdefault(key, []).append(evaluation["validation_error"])
    chosen: dict[str, Settings] = {}
    for arm in TUNED:
        means = {key[1]: np.mean(value) for key, value in errors.items() if key[0] == arm}
        chosen[arm] = min(means, key=lambda settings: means[settings])
    return chosen


def confirm_jobs(chosen: dict[str, Settings], builds: Sequence[int], folder: Path) -> list[Job]:
    """Every arm once a build, with the settings chosen for it."""
    arms = dict.fromkeys((*UNTRAINED, *TUNED, *ATTACKERS))
    return [
        Job(arm, build, chosen.get(arm, Settings()), folder) for build in builds for arm in arms
    ]


def attack_jobs(jobs: Sequence[Job]) -> list[Job]:
    """The test of every trained adversary on the RLHF defender of the same build."""
    targets = {job.build: job for job in jobs if job.arm == TARGET}
    return [job.attacking(targets[job.build]) for job in jobs if job.arm in ATTACKERS]


def world_of(build: int, folder: Path) -> World:
    """The world built from a seed; seed 0 is the shipped one."""
    return load_world(SHIPPED if build == 0 else folder / f"world{build}")


def build_job(build: int, folder: Path, *, workers: int) -> None:
    """Builds a world unless it is there."""
    path = folder / f"world{build}"
    if build != 0 and not (path / "README.md").exists():
        build_world(path, BuildConfig(seed=build), workers=workers)


def run_job(job: Job) -> None:
    """Trains one arm, tests its defender half-way and at the end, and keeps its adversary."""
    torch.set_num_threads(1)
    world = world_of(job.build, job.folder)
    config = with_defender(
        GPOConfig(seed=job.build),
        learning_rate=job.settings.learning_rate,
        kl_coef=job.settings.kl_coef,
    )
    arm = find_arm(job.arm)
    run = make_run(arm, world, config, NUM_GAMES)
    defender = run.players[AGENTS[DEFENDER]]
    num_updates = sum(stage.updates for stage in run.stages)
    of_defender = sum(stage.updates for stage in run.stages if stage.kind == "defend")
    recorder = Recorder(job.run_folder, num_updates, job.arm, judged=True)
    evaluations: list[dict[str, Any]] = []

    def test_defender() -> None:
        if isinstance(defender, LanguagePolicy):
            defender.save(job.defender_folder(len(evaluations)))
        evaluations.append(evaluate(unwrapped(defender), world, job.build))

    def watch(iteration: Iteration) -> None:
        recorder(iteration)
        if iteration.stage.kind == "defend":
            done = run.learners[AGENTS[DEFENDER]].num_updates
            if done in (of_defender // 2, of_defender):
                test_defender()

    run.learn(watch)
    recorder.close()
    if not arm.trains_defender:
        test_defender()
        evaluations *= 2
    run.save(job.run_folder / "checkpoint")
    record = {
        "arm": asdict(arm),
        "build": job.build,
        "settings": asdict(job.settings),
        "evaluations": evaluations,
        "updates": {agent: ppo.num_updates for agent, ppo in run.learners.items()},
        "games": recorder.games_played,
        "seconds": recorder.training_seconds,
        "curves": [asdict(point) for point in recorder.points],
    }
    job.path.write_text(json.dumps(record), encoding="utf-8")


def attack_job(job: Job) -> None:
    """Plays the run's adversary, as its last attack stage left it, on the job's target."""
    torch.set_num_threads(1)
    world = world_of(job.build, job.folder)
    if job.target is None:
        raise ValueError(f"{job} attacks nobody")
    rates = attack_rates(
        CausalLMPlayer.load(job.run_folder / "checkpoint" / AGENTS[ADVERSARY]),
        CausalLMPlayer.load(job.target),
        world.seed_prompts,
        world.instruction,
        world.encoder,
        num_prompts=NUM_ATTACKS,
        seed=job.build,
    )
    job.path.write_text(json.dumps(asdict(rates)), encoding="utf-8")


def evaluate(defender: Any, world: World, seed: int) -> dict[str, Any]:
    """Validation error and report of a defender as it stands."""
    splits = world.splits
    error = validation_error(defender, splits, num_per_label=NUM_VALIDATION, seed=seed)
    report = defender_report(defender, splits, num_per_label=NUM_PER_LABEL, seed=seed)
    return {"validation_error": error, **asdict(report)}
