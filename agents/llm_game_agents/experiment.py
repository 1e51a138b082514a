"""Trains an arm on the built-in world and says everything that is reported of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from llm_game_agents.arms import Arm, make_run
from llm_game_agents.checkpoint_store import CheckpointStore, Found
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.recorder import Recorder
from llm_game_agents.saved_run import learn_and_record, take_up
from llm_game_agents.sealed import write_sealed
from llm_game_env.evaluation.attack import AttackRates, attack_rates
from llm_game_env.evaluation.curves import CurvePoint, attack_successes
from llm_game_env.evaluation.defender_report import DefenderReport, defender_report
from llm_game_env.gatekeeper.world import World
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

NUM_ATTACKS = 512
STRONGEST = "strongest_adversary"


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
        evaluation_seconds: of the report.
        adversary: as its strongest attack stage left it; None where the arm has none.
    """

    arm: Arm
    run: GPO
    curves: tuple[CurvePoint, ...]
    defender: DefenderReport
    updates: Mapping[str, int]
    games: int
    seconds: float
    evaluation_seconds: float
    adversary: CausalLMPlayer | None


def train_arm(
    arm: Arm,
    world: World,
    config: GPOConfig,
    folder: Path,
    *,
    num_games: int,
    num_per_label: int,
    save_every: int = 0,
    wandb: str = "",
    on_resume: Callable[[Found], None] | None = None,
    processes: Processes = ALONE,
) -> TrainedArm:
    """Runs an arm, saves both players below `folder`, and tests its defender.

    An interrupted run (KeyboardInterrupt) is saved before the interrupt goes on. Where the folder
    holds checkpoints, the run goes on from the newest that is intact.

    Args:
        arm: see `Arm`.
        world: the build of the world to play in.
        config: knobs, updates and seed.
        folder: for logs, transcripts and the checkpoint.
        num_games: batch size.
        num_per_label: secret and ordinary questions a split in the defender's test.
        save_every: updates between checkpoints, see `learn_and_record`.
        wandb: see `Recorder`.
        on_resume: is told where a run goes on.
        processes: that train together; the main one writes and tests.

    Raises:
        ConfigurationError: none of the folder's checkpoints can be used.
    """
    run = processes.together(lambda: make_run(arm, world, config, num_games, processes))
    record = None
    if processes.from_main(lambda: bool(CheckpointStore(folder).paths)):
        run, record, found = take_up(folder, run.env, processes, **_fixed_players(run))
        if on_resume is not None and processes.is_main:
            on_resume(found)
    recorder = processes.together(
        lambda: Recorder(
            folder,
            run.total_updates,
            arm.name,
            judged=True,
            taken_up=record,
            writes=processes.is_main,
            wandb=wandb,
        )
    )
    strongest = None
    if isinstance(run.players[AGENTS[ADVERSARY]], LanguagePolicy):
        strongest = StrongestAdversary(run, recorder, folder / STRONGEST)
    learn_and_record(run, recorder, strongest, save_every=save_every)
    start = time.perf_counter()
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
        evaluation_seconds=time.perf_counter() - start,
        adversary=strongest and strongest.load(),
    )


def _fixed_players(run: GPO) -> dict[str, Player]:
    """The players that no checkpoint holds, as `GPO.load` names them."""
    return {
        agent.removesuffix("_0"): player
        for agent, player in run.players.items()
        if not isinstance(player, LanguagePolicy)
    }


class StrongestAdversary:
    """Keeps the adversary on disk as its strongest attack stage left it.

    Written at the end of a stage, before the run's checkpoint of that moment: a run that is taken
    up finds it, or plays that update again.

    Args:
        run: whose adversary.
        recorder: has seen an update before this does.
        folder: for the player, replaced whenever a stage is the strongest so far.
    """

    def __init__(self, run: GPO, recorder: Recorder, folder: Path) -> None:
        self.folder = folder
        self._run = run
        self._recorder = recorder

    def __call__(self, iteration: Iteration) -> None:
        """Sees an update."""
        stage_is_over = self._run.stage_updates == 0
        if iteration.stage.kind == "attack" and stage_is_over and self._is_strongest():
            self._run.processes.from_main(self._keep)

    def load(self) -> CausalLMPlayer:
        """That adversary; where no judged attack stage came to its end, as it is now."""
        self._run.processes.from_main(lambda: self.folder.exists() or self._keep())
        return CausalLMPlayer.load(self.folder, temperature=self._run.config.temperature)

    def _is_strongest(self) -> bool:
        *earlier, last = attack_successes(self._recorder.points) or [-np.inf]
        return last > max(earlier, default=-np.inf)

    def _keep(self) -> None:
        write_sealed(
            self.folder, cast(LanguagePolicy, self._run.players[AGENTS[ADVERSARY]]).player.save
        )


def attack(trained: TrainedArm, defender: Player, world: World, *, seed: int) -> AttackRates | None:
    """An arm's adversary against a given defender; None where the arm has no adversary.

    One that learnt plays as it was at the end of its strongest attack stage.
    """
    if trained.adversary is None:
        return None
    return attack_rates(
        trained.adversary,
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
