"""Trains an arm on the built-in world and says everything that is reported of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_game_agents.arms import Arm, make_run
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.recorder import Recorder
from llm_game_agents.saved_run import learn_and_record
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
    save_every: int = 0,
    processes: Processes = ALONE,
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
        save_every: updates between checkpoints, see `learn_and_record`.
        processes: that train together; the main one writes and tests.
    """
    run = processes.together(lambda: make_run(arm, world, config, num_games, processes))
    recorder = Recorder(folder, run.total_updates, arm.name, judged=True, writes=processes.is_main)
    learn_and_record(run, recorder, save_every=save_every)
    report = processes.from_main(
        lambda: defender_report(
            unwrapped(run.players[AGENTS[DEFENDER]]),
            world.splits,
            num_per_label=num_per_label,
            seed=config.seed,
        )
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


def strongest_adversary(run: GPO, points: Sequence[CurvePoint]) -> Player:
    """A run's adversary as it was at the end of its strongest attack stage.

    Args:
        run: after its schedule. Where it kept no earlier adversaries, the last one is all there is.
        points: of the run's updates.
    """
    last = unwrapped(run.players[AGENTS[ADVERSARY]])
    # Kept when each attack stage began: but for the first, the end of the stage before.
    past = run.matchmaker.past[AGENTS[ADVERSARY]]
    ends = [*(state.player for state in past[1:]), last]
    stage = strongest_attack_stage(points)
    return last if stage is None or stage >= len(ends) else ends[stage]


def attack(trained: TrainedArm, defender: Player, world: World, *, seed: int) -> AttackRates | None:
    """An arm's adversary against a given defender; None where the arm has no adversary.

    One that learnt plays as it was at the end of its strongest attack stage.
    """
    if not isinstance(trained.run.players[AGENTS[ADVERSARY]], LanguagePolicy):
        return None
    return attack_rates(
        strongest_adversary(trained.run, trained.curves),
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
