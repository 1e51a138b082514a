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
from llm_game_agents.experiment import NUM_ATTACKS, strongest_adversary, unwrapped
from llm_game_agents.gpo import GPOConfig, Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder, learn_and_record
from llm_game_env.evaluation.attack import attack_rates
from llm_game_env.evaluation.defender_report import defender_report, validation_rates
from llm_game_env.gatekeeper.build import BuildConfig, build_world
from llm_game_env.gatekeeper.world import SHIPPED, World, load_world
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.rules import AGENTS, DEFENDER

LEARNING_RATES = (1e-4, 2e-4, 4e-4)
KL_COEFS = (0.02, 0.1)
# Of the updates that GPO's defender gets; the arms with -steps go on to NUM_LATER more.
CHECKPOINT_SHARES = (0.25, 0.5, 0.75, 1.0)
NUM_LATER = 3
NUM_GAMES = 96
NUM_PER_LABEL = 512
NUM_VALIDATION = 192
UNTRAINED = ("sft", "always-refuse")
# An arm that is the beginning of another one's run is tuned on that run.
LONGER_RUN = {"rlhf": "rlhf-steps", "rlhf-frozen": "rlhf-frozen-steps"}
TUNED_RUNS = (
    "rlhf-steps",
    "rlhf-frozen-steps",
    "rlhf-uniform",
    "gpo",
    "gpo+div",
)
TUNED = (*LONGER_RUN, *TUNED_RUNS)
# Heavier weights of the diversity are compared at the settings of weight 1.
HEAVIER = {"gpo+div5": "gpo+div", "gpo+div10": "gpo+div"}
ATTACKERS = ("sft", "red-team", "red-team+div", "gpo", "gpo+div", "gpo+div5", "gpo+div10")
TARGET = "rlhf"


@dataclass(frozen=True)
class Settings:
    """One point of the grid.

    Attributes:
        learning_rate, kl_coef: of the defender.
        updates: of the defender, after which its state counts; None while that is to be chosen.
    """

    learning_rate: float = 4e-4
    kl_coef: float = 0.02
    updates: int | None = None


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
        phase = "tune" if settings.updates is None else "confirm"
        name = f"{self.arm}-lr{settings.learning_rate:g}-kl{settings.kl_coef:g}"
        return self.folder / f"build{self.build}" / phase / name

    @property
    def path(self) -> Path:
        """The job's result; it is there once the job is finished."""
        return self.run_folder / ("result.json" if self.target is None else "attack.json")

    @property
    def defender_folder(self) -> Path:
        """Where the defender is kept as it was when its state counted."""
        return self.run_folder / "defender"

    @property
    def adversary_folder(self) -> Path:
        """Where the adversary is kept as its strongest attack stage left it."""
        return self.run_folder / "adversary"

    def attacking(self, other: "Job") -> "Job":
        """The test of this run's adversary on the chosen defender of another run."""
        return replace(self, target=other.defender_folder)

    def result(self) -> dict[str, Any]:
        """What the job wrote."""
        return json.loads(self.path.read_text(encoding="utf-8"))


def config_of(job: Job) -> GPOConfig:
    """GPO's configuration for a job; the random seed is that of the build."""
    settings = job.settings
    return with_defender(
        GPOConfig(seed=job.build),
        learning_rate=settings.learning_rate,
        kl_coef=settings.kl_coef,
    )


def checkpoints(arm: str) -> list[int]:
    """Updates of the defender after which its state may be chosen."""
    config = GPOConfig()
    equal = config.rounds * config.defend_updates
    marks = [round(share * equal) for share in CHECKPOINT_SHARES]
    if find_arm(arm).budget == "steps":
        most = config.rounds * (config.defend_updates + config.attack_updates)
        marks += [round(mark) for mark in np.linspace(equal, most, NUM_LATER + 1)[1:]]
    return sorted({mark for mark in marks if mark})


def tune_jobs(builds: Sequence[int], folder: Path) -> list[Job]:
    """Every run at every learning rate and kl_coef of the grid, on the development builds."""
    grid = product(builds, TUNED_RUNS, LEARNING_RATES, KL_COEFS)
    return [
        Job(arm, build, Settings(learning_rate, kl_coef), folder)
        for build, arm, learning_rate, kl_coef in grid
    ]


def confirm_jobs(chosen: dict[str, Settings], builds: Sequence[int], folder: Path) -> list[Job]:
    """Every arm once a build, with the settings chosen for it."""
    arms = dict.fromkeys((*UNTRAINED, *TUNED, *ATTACKERS))
    untuned = Settings(updates=0)
    settings = {arm: chosen.get(HEAVIER.get(arm, arm), untuned) for arm in arms}
    return [Job(arm, build, settings[arm], folder) for build in builds for arm in arms]


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
    """Trains one arm; validates its defender at the checkpoints, or reports the chosen one."""
    torch.set_num_threads(1)
    world = world_of(job.build, job.folder)
    run = make_run(find_arm(job.arm), world, config_of(job), NUM_GAMES)
    defender = run.players[AGENTS[DEFENDER]]
    marks = checkpoints(job.arm) if job.settings.updates is None else [job.settings.updates]
    validation: list[dict[str, Any]] = []
    reports: list[dict[str, Any]] = []

    def test_defender(updates: int) -> None:
        player, splits = unwrapped(defender), world.splits
        if job.settings.updates is None:
            rates = validation_rates(player, splits, num_per_label=NUM_VALIDATION, seed=job.build)
            validation.append({"updates": updates, "error": rates.error, **asdict(rates)})
            return
        if isinstance(defender, LanguagePolicy):
            defender.save(job.defender_folder)
        report = defender_report(player, splits, num_per_label=NUM_PER_LABEL, seed=job.build)
        reports.append(asdict(report))

    def watch(iteration: Iteration) -> None:
        if iteration.stage.kind == "defend":
            updates = run.learners[AGENTS[DEFENDER]].num_updates
            if updates in marks:
                test_defender(updates)

    if 0 in marks:
        test_defender(0)
    recorder = Recorder(job.run_folder, run.total_updates, job.arm, judged=True)
    learn_and_record(run, recorder, watch)
    adversary = strongest_adversary(run, recorder.points)
    if isinstance(adversary, CausalLMPlayer):
        adversary.save(job.adversary_folder)
    record = {
        "arm": asdict(find_arm(job.arm)),
        "build": job.build,
        "settings": asdict(job.settings),
        "validation": validation,
        "report": reports[0] if reports else None,
        "updates": {agent: ppo.num_updates for agent, ppo in run.learners.items()},
        "games": recorder.games_played,
        "seconds": recorder.training_seconds,
        "curves": [asdict(point) for point in recorder.points],
    }
    job.path.write_text(json.dumps(record), encoding="utf-8")


def attack_job(job: Job) -> None:
    """Plays the run's adversary, as its strongest attack stage left it, on the job's target."""
    torch.set_num_threads(1)
    world = world_of(job.build, job.folder)
    if job.target is None:
        raise ValueError(f"{job} attacks nobody")
    rates = attack_rates(
        CausalLMPlayer.load(job.adversary_folder),
        CausalLMPlayer.load(job.target),
        world.seed_prompts,
        world.instruction,
        world.encoder,
        num_prompts=NUM_ATTACKS,
        seed=job.build,
    )
    job.path.write_text(json.dumps(asdict(rates)), encoding="utf-8")
