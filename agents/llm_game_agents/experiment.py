"""Trains an arm on the built-in world and says everything that is reported of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llm_game_agents.arms import Arm, make_run
from llm_game_agents.gpo import GPO, GPOConfig, Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder
from llm_game_env.evaluation.attack import AttackRates, attack_rates
from llm_game_env.evaluation.curves import CurvePoint, strongest_attack_stage
from llm_game_env.evaluation.defender_report import DefenderReport, defender_report
from llm_game_env.gatekeeper.world import World
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

NUM_ATTACKS = 512


@dataclass(frozen=True)
class TrainedArm:
    """An arm after its run.

    Attributes:
        arm: what was trained.
        run: with both players.
        curves: a point an update.
        defender: report on its defender.
        updates: PPO updates by agent.
        games: games played in training.
        seconds: wall-clock time of rollouts and updates.
    """

    arm: Arm
    run: GPO
    curves: tuple[CurvePoint, ...]
    defender: DefenderReport
    updates: Mapping[str, int]
    games: int
    seconds: float


def train_arm(
    arm: Arm,
    world: World,
    config: GPOConfig,
    folder: Path,
    *,
    num_games: int,
    num_per_label: int,
) -> TrainedArm:
    """Runs an arm, saves both players below `folder`, and tests its defender.

    An interrupted run (KeyboardInterrupt) is saved before the interrupt goes on.

    Args:
        arm: see `Arm`.
        world: the build of the world to play in.
        config: knobs, updates and seed.
        folder: for logs, transcripts and the checkpoint.
        num_games: batch size.
        num_per_label: secret and ordinary questions a split in the defender's test.
    """
    run = make_run(arm, world, config, num_games)
    recorder = watched(run, arm.name, folder)
    report = defender_report(
        unwrapped(run.players[AGENTS[DEFENDER]]),
        world.splits,
        num_per_label=num_per_label,
        seed=config.seed,
    )
    return TrainedArm(
        arm=arm,
        run=run,
        curves=tuple(recorder.points),
        defender=report,
        updates={agent: ppo.num_updates for agent, ppo in run.learners.items()},
        games=recorder.games_played,
        seconds=recorder.training_seconds,
    )


def watched(
    run: GPO, title: str, folder: Path, watch: Callable[[Iteration], None] | None = None
) -> Recorder:
    """Plays a run's schedule under a recorder and saves the run, interrupted or not.

    Args:
        run: what `make_run` gave.
        title: of the progress bar.
        folder: for logs, transcripts and the checkpoint.
        watch: sees every update after the recorder.
    """
    recorder = Recorder(folder, sum(stage.updates for stage in run.stages), title, judged=True)

    def see(iteration: Iteration) -> None:
        recorder(iteration)
        if watch is not None:
            watch(iteration)

    try:
        run.learn(see)
    finally:
        recorder.close()
        run.save(folder / "checkpoint")
    return recorder


def attack(trained: TrainedArm, defender: Player, world: World, *, seed: int) -> AttackRates | None:
    """An arm's adversary against a given defender; None where the arm has no adversary.

    One that learnt plays as it was at the end of its strongest attack stage.
    """
    adversary = trained.run.players[AGENTS[ADVERSARY]]
    if not isinstance(adversary, LanguagePolicy):
        return None
    # Kept when each attack stage began: but for the first, the end of the stage before.
    ends = [*trained.run.past_adversaries[1:], adversary]
    stage = strongest_attack_stage(trained.curves)
    return attack_rates(
        adversary if stage is None or stage >= len(ends) else ends[stage],
        defender,
        world.seed_prompts,
        world.instruction,
        world.encoder,
        num_prompts=NUM_ATTACKS,
        seed=seed,
    )


def unwrapped(player: Player) -> Player:
    """The plain player inside a policy: evaluation knows no policies."""
    return player.player if isinstance(player, LanguagePolicy) else player
