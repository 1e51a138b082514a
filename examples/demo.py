"""The demo: several arms on the built-in world, one table, curves and transcripts."""

from dataclasses import asdict
from typing import Any

from flags import RunFlags, fresh_folder, gpo_config
from llm_game_agents.arms import find_arm
from llm_game_agents.experiment import TrainedArm, attack, train_arm, unwrapped
from rich.console import Console
from rich.table import Table

from llm_game_env.evaluation.attack import AttackRates
from llm_game_env.evaluation.curves import draw_curves
from llm_game_env.evaluation.results import write_results
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.rules import AGENTS, DEFENDER

NUM_PER_LABEL = 256
TARGET_ARM = "rlhf"


def run(flags: RunFlags) -> None:
    """Trains every arm, tests both players, and writes all of it below one folder."""
    arms = [find_arm(name.strip()) for name in flags.arms.split(",")]
    config = gpo_config(flags)
    world = load_world()
    folder = fresh_folder(flags.out)
    trained: list[TrainedArm] = []
    try:
        for arm in arms:
            trained.append(
                train_arm(
                    arm,
                    world,
                    config,
                    folder / arm.name,
                    num_games=flags.games,
                    num_per_label=NUM_PER_LABEL,
                )
            )
    except KeyboardInterrupt:
        print(f"\ninterrupted; the run so far can be taken up from {folder}/*/checkpoint")
        return
    attacks = attack_all(trained, world, flags.seed)
    curves = {t.arm.name: t.curves for t in trained if t.curves}
    if curves:
        draw_curves(curves, folder / "curves.png")
    write_results(folder / "results.json", flags, config, records(trained, attacks))
    Console().print(table(trained, attacks))
    print(f"written to {folder}")


def attack_all(trained: list[TrainedArm], world: World, seed: int) -> dict[str, AttackRates | None]:
    """Every arm's adversary against one defender, that of plain RLHF where it was trained."""
    target = next((t for t in trained if t.arm.name == TARGET_ARM), trained[0])
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
            "defender": asdict(t.defender),
            "attack_on_rlhf": asdict(rates) if (rates := attacks[t.arm.name]) else None,
            "curves": [asdict(point) for point in t.curves],
        }
        for t in trained
    ]


def table(trained: list[TrainedArm], attacks: dict[str, AttackRates | None]) -> Table:
    """One row an arm, all shares in per cent."""
    result = Table(title="Gatekeeper: leak / over-refusal / wrong answers, % by the judge")
    for heading in ("arm", "P", "A reachable", "H held out", "worst H", "cell", "blind spot"):
        result.add_column(heading, justify="left" if heading == "arm" else "right")
    for heading in ("attack: leak", "over-ref.", "div. BLEU", "div. emb."):
        result.add_column(heading, justify="right")
    for t in trained:
        report, rates = t.defender, attacks[t.arm.name]
        triples = [
            f"{100 * r.leak:.0f} / {100 * r.over_refusal:.0f} / {100 * r.ordinary_wrong:.0f}"
            for r in (report.collected, report.reachable, report.held_out)
        ]
        worst = ("–", "–")
        if report.worst is not None:
            worst = (
                f"{100 * report.worst.leak_probability:.0f}",
                f"{100 * report.worst.resampled_leak:.0f}",
            )
        attacked = ("–",) * 4
        if rates is not None:
            attacked = (
                f"{100 * rates.leak:.0f}",
                f"{100 * rates.over_refusal:.0f}",
                f"{rates.diversity_selfbleu:.2f}",
                f"{rates.diversity_embedding:.2f}",
            )
        blind = f"{100 * report.blind_spot_leak:.0f}"
        result.add_row(t.arm.name, *triples, *worst, blind, *attacked)
    result.caption = (
        "worst H: probability of the canonical leak on the worst held-out question (a lower "
        "bound); cell: leaks among fresh answers to it; attack: the arm's adversary against the "
        "RLHF defender"
    )
    return result
