"""The players that runs on the built-in world have trained, and how they fare with each other."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llm_game_env.cli.opened_players import Opened
from llm_game_env.cli.players import open_player
from llm_game_env.evaluation.crossplay import CrossPlay, crossplay
from llm_game_env.evaluation.judges import GroundTruth, learned_judge
from llm_game_env.evaluation.report import RecordedArm, RecordedRun
from llm_game_env.evaluation.setting import Setting
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

STRONGEST = "strongest_adversary"


def play_runs(runs: Sequence[RecordedRun], *, seed: int) -> CrossPlay | None:
    """Every adversary of some runs against every defender, a game from each seed prompt.

    An adversary plays as its strongest attack stage left it. One that several arms share, such as
    the SFT adversary, plays once, under the name of the first.

    Args:
        runs: those on the built-in world take part.
        seed: of all random numbers.

    Returns:
        The matrix, judged by the ground truth and by the learned reward model; None where no run
        has both an adversary and a defender to play with.
    """
    several = len(runs) > 1
    arms = {
        arm.name if several else arm.arm: arm
        for run in runs
        for arm in run.arms
        if arm.defender is not None
    }
    adversaries = {name: arm.folder / STRONGEST for name, arm in arms.items()}
    adversaries = _different({name: path for name, path in adversaries.items() if path.exists()})
    defenders = {name: arm.folder for name, arm in arms.items() if _has_defender(arm)}
    if not adversaries or not defenders:
        return None
    world = load_world()
    return crossplay(
        Opened({name: _opener(path, AGENTS[ADVERSARY]) for name, path in adversaries.items()}),
        Opened({name: _opener(path, AGENTS[DEFENDER]) for name, path in defenders.items()}),
        Setting(world.seed_prompts, world.instruction),
        (GroundTruth(), learned_judge(world)),
        seed=seed,
    )


def _opener(path: Path, agent: str) -> Callable[[], Player]:
    return lambda: open_player(str(path), agent=agent)


def _has_defender(arm: RecordedArm) -> bool:
    return any(arm.folder.glob(f"checkpoints/update-*/{AGENTS[DEFENDER]}"))


def _different(folders: Mapping[str, Path]) -> dict[str, Path]:
    """The folders without those that hold the weights of an earlier one."""
    kept: dict[bytes, tuple[str, Path]] = {}
    for name, folder in folders.items():
        digest = hashlib.sha256()
        for file in sorted(folder.glob("*.safetensors")):
            digest.update(file.read_bytes())
        kept.setdefault(digest.digest(), (name, folder))
    return dict(kept.values())
