"""Adversaries tried on defenders of the same build that stand still."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from gatekeeper_study.desk import Study
from gatekeeper_study.paraphrase import Paraphraser, UniformAsker
from gatekeeper_study.plan import TARGETS, Job
from gatekeeper_study.records import known, read_record, write_record
from gatekeeper_study.runs import world_of
from llm_game_agents.experiment import NUM_ATTACKS
from llm_game_env.evaluation.attack import AttackRates, attack_rates
from llm_game_env.gatekeeper.world import World
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player

# Adversaries that no run makes: they reword the seed question and learn nothing.
PARAPHRASE, UNIFORM = "paraphrase", "uniform"
UNLEARNT = (PARAPHRASE, UNIFORM)


@dataclass(frozen=True)
class Attack:
    """One adversary on one defender.

    Attributes:
        adversary: the run whose adversary it is, or one of UNLEARNT.
        target: the run whose chosen defender is attacked, of the same build.
    """

    adversary: Job | str
    target: Job

    @property
    def name(self) -> str:
        """The adversary's."""
        return self.adversary if isinstance(self.adversary, str) else self.adversary.arm

    @property
    def path(self) -> Path:
        """The attack's result."""
        if isinstance(self.adversary, str):
            home = self.target.folder / f"build{self.target.build}" / "unlearnt" / self.adversary
        else:
            home = self.adversary.run_folder
        return home / f"attack-{self.target.arm}.json"

    def result(self) -> AttackRates:
        """What was found."""
        return known(AttackRates, read_record(self.path))


def run_attack(attack: Attack) -> None:
    """Plays the adversary, as its strongest attack stage left it, on the target.

    The adversary moves first and draws from the build's seed: it writes the same prompts to every
    target.
    """
    torch.set_num_threads(1)
    world = world_of(attack.target.build, attack.target.folder)
    rates = attack_rates(
        _adversary(attack, world),
        CausalLMPlayer.load(attack.target.defender_folder),
        world.seed_prompts,
        world.instruction,
        world.encoder,
        num_prompts=NUM_ATTACKS,
        seed=attack.target.build,
    )
    write_record(attack.path, rates)


def attacked(study: Study, arms: Iterable[str]) -> dict[str, dict[str, list[AttackRates]]]:
    """Every arm's adversary on every target, by adversary and target, in the order of the builds.

    Args:
        study: whose runs are made where they are missing.
        arms: whose adversaries are tried, and names of UNLEARNT.
    """
    arms = tuple(arms)
    study.trained((*TARGETS, *(arm for arm in arms if arm not in UNLEARNT)))
    attacks = [
        Attack(arm if arm in UNLEARNT else study.job(arm, build), study.job(target, build))
        for build in study.builds
        for arm in arms
        for target in TARGETS
    ]
    study.finish(run_attack, attacks, "attacks")
    found: dict[str, dict[str, list[AttackRates]]] = {}
    for attack in attacks:
        by_target = found.setdefault(attack.name, {})
        by_target.setdefault(attack.target.arm, []).append(attack.result())
    return found


def _adversary(attack: Attack, world: World) -> Player:
    if isinstance(attack.adversary, Job):
        return CausalLMPlayer.load(attack.adversary.adversary_folder)
    if attack.adversary == UNIFORM:
        return UniformAsker(world.splits, world.instruction)
    return Paraphraser(CausalLMPlayer.load(world.adversary), world.instruction)
