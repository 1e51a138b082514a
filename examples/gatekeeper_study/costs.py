"""What an update costs, in seconds of one core, and so what a run had cost when it stood somewhere.

A run's own clock counts whatever else its machine did. Here a few updates of each arm are played
apart and the process's CPU time is taken, which hardly depends on that.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from gatekeeper_study import plan
from gatekeeper_study.desk import Study
from gatekeeper_study.plan import Job, config_of
from gatekeeper_study.records import known, read_record, write_record
from gatekeeper_study.runs import world_of
from llm_game_agents.arms import find_arm, make_run
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.schedules import StageKind

UPDATES = 4  # of each kind; the first warms up


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one update, games included; 0 where an arm has no such updates.

    Attributes:
        defend, attack: of the defender and of the adversary.
    """

    defend: float = 0.0
    attack: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """The cost of one arm, to be measured.

    Attributes:
        job: a run of the arm, whose settings and build are played with.
    """

    job: Job

    @property
    def path(self) -> Path:
        """Where the cost is kept."""
        return self.job.run_folder / "cost.json"


@dataclass(frozen=True)
class Played:
    """How far a run had come.

    Attributes:
        defend, attack: updates of either player.
    """

    defend: int
    attack: int

    @property
    def games(self) -> int:
        """Played in training."""
        return (self.defend + self.attack) * plan.NUM_GAMES

    def seconds(self, cost: Cost) -> float:
        """Of one core."""
        return self.defend * cost.defend + self.attack * cost.attack


def measure_cost(measurement: Measurement) -> None:
    """Plays a few updates of each kind and takes the median of their CPU time."""
    torch.set_num_threads(1)
    job = measurement.job
    config = replace(config_of(job), defend_updates=UPDATES, attack_updates=UPDATES, rounds=1)
    run = make_run(
        find_arm(job.arm),
        world_of(job.build, job.folder),
        config,
        plan.NUM_GAMES,
        make_games=job.make_games,
    )
    spent: dict[StageKind, list[float]] = {"defend": [], "attack": []}
    last = time.process_time()

    def clock(iteration: Iteration) -> None:
        nonlocal last
        now = time.process_time()
        spent[iteration.stage.kind].append(now - last)
        last = now

    run.learn(clock)
    write_record(
        measurement.path,
        Cost(*(median(spent[kind][1:]) if spent[kind] else 0.0 for kind in ("defend", "attack"))),
    )


def costs(study: Study, arms: Iterable[str]) -> dict[str, Cost]:
    """The cost of each arm that learns, on the first build.

    One process at a time: two that share a processor's caches slow each other down.
    """
    measurements = {arm: Measurement(study.job(arm, study.builds[0])) for arm in arms}
    replace(study, workers=1).finish(measure_cost, list(measurements.values()), "costs")
    return {arm: known(Cost, read_record(one.path)) for arm, one in measurements.items()}


def played(arm: str, updates: int) -> Played:
    """How far a run is when its defender has had so many updates."""
    if find_arm(arm).learners != "both":
        return Played(updates, 0)
    defend = attack = 0
    for stage in GPOConfig().schedule():
        if defend >= updates:
            break
        if stage.kind == "defend":
            defend += stage.updates
        else:
            attack += stage.updates
    return Played(defend, attack)


def whole(arm: str) -> Played:
    """How far a run is at its end."""
    defend = plan.checkpoints(arm)[-1]
    if find_arm(arm).learners != "both":
        return Played(defend, 0)
    stages = GPOConfig().schedule()
    return Played(defend, sum(stage.updates for stage in stages if stage.kind == "attack"))
