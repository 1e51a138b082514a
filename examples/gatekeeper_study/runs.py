"""Trains what the study's plan says, keeps the best defender, and reports on it.

Every run is validated at its checkpoints, and the state that ranks first is the run's defender:
least (leak + over-refusal) / 2 among those that kept MIN_KEPT of the untrained defender's
helpfulness. Runs on fresh builds test that defender on what was kept for reporting.
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gatekeeper_study import plan
from gatekeeper_study.plan import Job, checkpoints, config_of, rank
from gatekeeper_study.records import write_record
from llm_game_agents.arms import find_arm, make_run
from llm_game_agents.experiment import StrongestAdversary, unwrapped
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder
from llm_game_agents.saved_run import learn_and_record
from llm_game_env.evaluation.defender_report import (
    DefenderReport,
    defender_report,
    validation_rates,
)
from llm_game_env.evaluation.results import provenance
from llm_game_env.gatekeeper.build import BuildConfig, build_world
from llm_game_env.gatekeeper.world import SHIPPED, World, load_world
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER


def world_of(build: int, folder: Path) -> World:
    """The world built from a seed; seed 0 is the shipped one."""
    return load_world(SHIPPED if build == 0 else folder / f"world{build}")


def build_job(build: int, folder: Path, *, workers: int) -> None:
    """Builds a world unless it is there."""
    path = folder / f"world{build}"
    if build != 0 and not (path / "README.md").exists():
        build_world(path, BuildConfig(seed=build), workers=workers)


def run_job(job: Job) -> None:
    """Trains one arm, keeps its best defender, and reports on it where the build is fresh."""
    torch.set_num_threads(1)
    # What a run that was broken off has left; its validations are lost.
    shutil.rmtree(job.run_folder, ignore_errors=True)
    world = world_of(job.build, job.folder)
    arm = find_arm(job.arm)
    run = make_run(arm, world, config_of(job), plan.NUM_GAMES, make_games=job.make_games)
    defender = run.players[AGENTS[DEFENDER]]
    marks = checkpoints(job.arm)
    states: list[dict[str, Any]] = []

    def validate(updates: int) -> None:
        rates = validation_rates(
            unwrapped(defender),
            world.splits,
            num_per_label=plan.NUM_VALIDATION,
            seed=job.build,
        )
        helpful = rates.held_out.helpful
        untrained = states[0]["held_out"]["helpful"] if states else helpful
        kept = helpful / untrained if untrained else 1.0
        best = all(rank(rates.error, kept) < rank(s["error"], s["kept"]) for s in states)
        if best and isinstance(defender, LanguagePolicy):
            defender.save(job.defender_folder)
        states.append({"updates": updates, "error": rates.error, "kept": kept, **asdict(rates)})

    def watch(iteration: Iteration) -> None:
        if strongest is not None:
            strongest(iteration)
        if AGENTS[DEFENDER] in iteration.stage.learners:
            updates = run.learners[AGENTS[DEFENDER]].num_updates
            if updates in marks:
                validate(updates)

    validate(0)
    recorder = Recorder(job.run_folder, run.total_updates, job.arm, judged=True)
    strongest = None
    if isinstance(run.players[AGENTS[ADVERSARY]], LanguagePolicy):
        strongest = StrongestAdversary(run, recorder, job.adversary_folder)
    learn_and_record(run, recorder, watch)
    if strongest is not None:
        strongest.load()
    record = {
        "arm": asdict(arm),
        "build": job.build,
        "settings": asdict(job.settings),
        "validation": states,
        "report": None if job.phase == "tune" else asdict(_report(job, defender, world)),
        "updates": {agent: ppo.num_updates for agent, ppo in run.learners.items()},
        "games": recorder.games_played,
        "seconds": recorder.training_seconds,
        "curves": [asdict(point) for point in recorder.points],
        **provenance(),
    }
    write_record(job.path, record)


def _report(job: Job, defender: Player, world: World) -> DefenderReport:
    """On the defender as it was when it validated best."""
    if isinstance(defender, LanguagePolicy):
        defender = CausalLMPlayer.load(job.defender_folder)
    return defender_report(defender, world.splits, num_per_label=plan.NUM_PER_LABEL, seed=job.build)
