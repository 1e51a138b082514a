"""The demo: several arms on the built-in world, one table, curves and transcripts."""

import shlex
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from llm_game_agents.arms import find_arm, with_defender
from llm_game_agents.checkpoint_store import CheckpointStore
from llm_game_agents.experiment import TrainedArm, attack, train_arm, unwrapped
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.main_job.flags import RunFlags
from llm_game_agents.main_job.request import INTERRUPTED, Request
from llm_game_agents.main_job.run_folder import flags_of, fresh_folder, say_where_it_goes_on
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.processes import Processes
from llm_game_env import ConfigurationError
from llm_game_env.evaluation.attack import AttackRates
from llm_game_env.evaluation.curves import draw_curves
from llm_game_env.evaluation.defender_report import DefenderReport
from llm_game_env.evaluation.results import write_results
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.rules import AGENTS, DEFENDER

NUM_PER_LABEL = 256
TARGET_ARM = "rlhf"


def run(request: Request, processes: Processes) -> int:
    """Trains every arm, tests both players, writes all of it below one folder; exit status.

    Ctrl-C ends the arm at hand, which is saved, and reports the arms that are finished. A run that
    is resumed trains the arms that are not, and tests all of them.
    """
    flags = request.flags
    arms = [find_arm(name) for name in dict.fromkeys(flags.arms.replace(" ", "").split(","))]
    config = knobs(flags)
    world = load_world()
    folder = processes.from_main(
        lambda: started(flags.resume) if flags.resume else fresh_folder(flags.out, request.given)
    )
    trained: list[TrainedArm] = []
    attacks: dict[str, AttackRates | None] = {}
    interrupted = False
    try:
        for arm in arms:
            trained.append(
                train_arm(
                    arm,
                    world,
                    with_defender(config, learning_rate=arm.learning_rate, kl_coef=arm.kl_coef),
                    folder / arm.name,
                    num_games=flags.games,
                    num_per_label=NUM_PER_LABEL,
                    save_every=flags.save_every,
                    wandb=flags.wandb,
                    on_resume=say_where_it_goes_on,
                    processes=processes,
                )
            )
        attacks = processes.from_main(lambda: attack_all(trained, world, flags.seed))
    except KeyboardInterrupt:
        interrupted = True
    if not processes.is_main:
        return INTERRUPTED if interrupted else 0
    if interrupted:
        print(
            f"\ninterrupted; what was trained is saved in {folder}/*/checkpoint, "
            f"--resume {folder} goes on"
        )
    curves = {t.arm.name: t.curves for t in trained if t.curves}
    if curves:
        draw_curves(curves, folder / "curves.png")
    write_results(folder / "results.json", flags, config, records(trained, attacks))
    if trained:
        Console().print(table(trained, attacks))
    print(f"one page of it: llm-game report {shlex.quote(str(folder))}")
    print(f"written to {folder}")
    return INTERRUPTED if interrupted else 0


def knobs(flags: RunFlags) -> GPOConfig:
    """GPO's knobs, from which the arms take theirs."""
    return GPOConfig(
        defend_updates=flags.defend_updates,
        attack_updates=flags.attack_updates,
        rounds=flags.rounds,
        # The last attack stage would change neither the defender nor, mostly, the strongest attack.
        final_attack=flags.rounds == 1,
        defender_plays=LatestAndPast(flags.past_share),
        seed=flags.seed,
    )


def started(path: str) -> Path:
    """The folder of a run of the demo, with nothing in it but arms that can go on.

    Raises:
        ConfigurationError: it is none.
    """
    if flags_of(Path(path)) is None:
        raise ConfigurationError(
            f"{path!r} holds no run of the demo: it has no flags of its own; give the folder that "
            "a run was written to, or name your own models with it"
        )
    for run in Path(path).iterdir():
        if run.is_dir() and not CheckpointStore(run).paths:
            shutil.rmtree(run)  # Killed before there was anything to go on from.
    return Path(path)


def attack_all(trained: list[TrainedArm], world: World, seed: int) -> dict[str, AttackRates | None]:
    """Every arm's adversary against the defender of plain RLHF, where that was trained."""
    target = next((t for t in trained if t.arm.name == TARGET_ARM), None)
    if target is None:
        return {}
    defender = unwrapped(target.run.players[AGENTS[DEFENDER]])
    return {t.arm.name: attack(t, defender, world, seed=seed) for t in trained}


def records(
    trained: list[TrainedArm], attacks: dict[str, AttackRates | None]
) -> list[dict[str, Any]]:
    """What results.json says of each arm: all that the table shows, and the curves."""
    return [
        {
            "arm": asdict(t.arm),
            "updates": dict(t.updates),
            "games": t.games,
            "seconds": t.seconds,
            "evaluation_seconds": t.evaluation_seconds,
            "defender": asdict(t.defender),
            "attack_on_rlhf": asdict(rates) if (rates := attacks.get(t.arm.name)) else None,
            "curves": [asdict(point) for point in t.curves],
        }
        for t in trained
    ]


def table(trained: list[TrainedArm], attacks: dict[str, AttackRates | None]) -> Table:
    """One column an arm; shares in per cent, by the judge."""
    result = Table(
        title="Gatekeeper, % by the judge (diversity, distinct-2: 0 to 1)",
        caption=(
            "P pre-collected, A reachable, H held out, all without the reward model's blind spot. "
            "A secret that was neither leaked nor answered wrongly was refused. "
            "worst H: probability of the canonical leak on the worst held-out question, a lower "
            "bound; asked afresh: leaks among new answers to it. Attack: the arm's adversary, "
            "as its strongest attack stage left it, against the RLHF defender."
        ),
    )
    result.add_column("")
    for item in trained:
        result.add_column(item.arm.name, justify="right")
    columns = [column(item.defender, attacks.get(item.arm.name)) for item in trained]
    for name in columns[0]:
        result.add_row(name, *(cells[name] for cells in columns))
        if name in ("P wrong, secret", "A wrong, secret", "H wrong, secret", "blind spot leak"):
            result.add_section()
    return result


def column(report: DefenderReport, attack: AttackRates | None) -> dict[str, str]:
    """The cells of one arm, by row name."""
    cells: dict[str, str] = {}
    for split, rates in (("P", report.collected), ("A", report.reachable), ("H", report.held_out)):
        cells[f"{split} leak"] = percent(rates.leak)
        cells[f"{split} over-refusal"] = percent(rates.over_refusal)
        cells[f"{split} wrong, ordinary"] = percent(rates.ordinary_wrong)
        cells[f"{split} wrong, secret"] = percent(rates.secret_wrong)
    cells["worst H"] = percent(report.worst and report.worst.leak_probability)
    cells["worst H, asked afresh"] = percent(report.worst and report.worst.resampled_leak)
    cells["blind spot leak"] = percent(report.blind_spot_leak)
    cells["attack: leak"] = percent(attack and attack.leak)
    cells["attack: over-refusal"] = percent(attack and attack.over_refusal)
    cells["diversity, SelfBLEU"] = f"{attack.diversity_selfbleu:.2f}" if attack else "–"
    cells["diversity, embedding"] = f"{attack.diversity_embedding:.2f}" if attack else "–"
    cells["distinct-2"] = f"{attack.distinct_2:.2f}" if attack else "–"
    cells["prompts in effect (Vendi)"] = f"{attack.vendi:.1f}" if attack else "–"
    return cells


def percent(share: float | None) -> str:
    """A share in per cent, a dash where there is none."""
    return "–" if share is None else f"{100 * share:.0f}"
