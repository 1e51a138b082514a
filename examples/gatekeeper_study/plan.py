"""What the study runs: the grid, the runs of every phase, and where each is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

from llm_game_agents.arms import find_arm, with_defender
from llm_game_agents.gpo_config import GPOConfig
from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.vector import VectorGame

Phase = Literal["tune", "confirm", "jailbreak"]

LEARNING_RATES = (2e-4, 4e-4, 8e-4)
KL_COEFS = (0.02, 0.1)
NUM_GAMES = 384
NUM_PER_LABEL = 512
NUM_VALIDATION = 128
MIN_KEPT = 0.8
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
# Other intensities of the diversity are compared at the settings of the usual one.
OTHER_INTENSITIES = {"gpo+div1": "gpo+div", "gpo+div10": "gpo+div"}
INTENSITIES = {"gpo": 0, "gpo+div1": 1, "gpo+div": 5, "gpo+div10": 10}
DEFENDERS = (*UNTRAINED, *LONGER_RUN, "rlhf-uniform", *INTENSITIES)
ADVERSARIES = ("sft", "red-team", "red-team+div", *INTENSITIES)
# Whom adversaries are tried on: what each was trained on differs, what each is tried on does not.
TARGETS = ("sft", "rlhf", "rlhf-frozen")
HEATED = ("sft", "rlhf", "gpo", "gpo+div")
# Other self-play algorithms, at GPO's settings: they were not tuned.
ALGORITHMS = (
    "gpo",
    "gpo-grpo",
    "gpo-rloo",
    "gpo-reinforce",
    "simultaneous",
    "fictitious",
    "psro",
)
JAILBREAK = ("sft", "rlhf-frozen", "red-team", "gpo", "gpo+div")


@dataclass(frozen=True)
class Settings:
    """One point of the grid.

    Attributes:
        learning_rate, kl_coef: of the defender.
    """

    learning_rate: float = 2e-4
    kl_coef: float = 0.02


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        arm: its name.
        build: the world's seed.
        settings: of the defender's training.
        phase: "tune" on development builds, "confirm" on fresh ones; "jailbreak" on those, too,
            in the other task.
        folder: of the study.
    """

    arm: str
    build: int
    settings: Settings
    phase: Phase
    folder: Path

    @property
    def make_games(self) -> Callable[..., VectorGame]:
        """Makes what is played, for `make_run`.

        In jailbreak the adversary rewords a secret question and the answer is judged against that;
        ordinary questions are left out then.
        """
        if self.phase == "jailbreak":
            return partial(jailbreak_v0.vector_env, intent=SameMatter())
        return red_team_v0.vector_env

    @property
    def run_folder(self) -> Path:
        """Where the run is kept."""
        name = f"{self.arm}-lr{self.settings.learning_rate:g}-kl{self.settings.kl_coef:g}"
        return self.folder / f"build{self.build}" / self.phase / name

    @property
    def path(self) -> Path:
        """The run's result; it is there once the run is finished."""
        return self.run_folder / "result.json"

    @property
    def defender_folder(self) -> Path:
        """Where the defender is kept as it was when it validated best."""
        return self.run_folder / "defender"

    @property
    def adversary_folder(self) -> Path:
        """Where the adversary is kept as its strongest attack stage left it."""
        return self.run_folder / "adversary"


def config_of(job: Job) -> GPOConfig:
    """GPO's configuration for a job; the random seed is that of the build."""
    settings = job.settings
    return with_defender(
        GPOConfig(seed=job.build),
        learning_rate=settings.learning_rate,
        kl_coef=settings.kl_coef,
    )


def checkpoints(arm: str) -> list[int]:
    """Updates of the defender after which its state may be chosen.

    0, and those at GPO's ends of defend stages; with a budget of steps, where GPO has played as
    many games at the end of a round, too.
    """
    chosen, config = find_arm(arm), GPOConfig()
    if not chosen.trains_defender:
        return [0]
    if chosen.learners == "at once":
        updates = sum(stage.updates for stage in config.schedule()) // 2
        return [updates * done // config.rounds for done in range(config.rounds + 1)]
    rounds = range(config.rounds + 1)
    marks = {config.defend_updates * done for done in rounds}
    if chosen.budget == "steps":
        marks |= {(config.defend_updates + config.attack_updates) * done for done in rounds}
    return sorted(marks)


def rank(error: float, kept: float) -> tuple[bool, float]:
    """What states are ordered by, the best first.

    A defender that forgets what it knew leaks nothing and refuses nothing: the error alone would
    call that a success.

    Args:
        error: (leak + over-refusal) / 2.
        kept: helpfulness on H as a share of the untrained defender's.
    """
    return kept < MIN_KEPT, error


def tune_jobs(builds: Sequence[int], folder: Path) -> list[Job]:
    """Every run at every learning rate and kl_coef of the grid, on the development builds."""
    grid = product(builds, TUNED_RUNS, LEARNING_RATES, KL_COEFS)
    return [
        Job(arm, build, Settings(learning_rate, kl_coef), "tune", folder)
        for build, arm, learning_rate, kl_coef in grid
    ]


def settings_of(arm: str, chosen: dict[str, Settings]) -> Settings:
    """The settings of an arm on fresh builds.

    Args:
        arm: its name.
        chosen: by tuning. Other intensities of the diversity take those of the usual one, other
            algorithms those of GPO; where no defender learns, they only name the folder.
    """
    if arm in ALGORITHMS:
        return chosen["gpo"]
    return chosen.get(OTHER_INTENSITIES.get(arm, arm), Settings())
