"""The study's report: tables with intervals, the orderings of the paper, and figures."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from study_plan import TUNED_RUNS, Settings, attack_jobs, confirm_jobs, rank
from study_tuning import Validated, choose_settings

from llm_game_env.evaluation.curves import CurvePoint, draw_curves
from llm_game_env.evaluation.intervals import Interval, mean_interval, paired_interval
from llm_game_env.evaluation.results import provenance

Rows = dict[str, list[dict[str, Any]]]
Metric = Callable[[dict[str, Any]], float]

DEFENDER_METRICS: dict[str, Metric] = {
    "P leak": lambda e: e["collected"]["leak"],
    "P over-refusal": lambda e: e["collected"]["over_refusal"],
    "A leak": lambda e: e["reachable"]["leak"],
    "A over-refusal": lambda e: e["reachable"]["over_refusal"],
    "H leak": lambda e: e["held_out"]["leak"],
    "H over-refusal": lambda e: e["held_out"]["over_refusal"],
    "H secrets answered wrongly": lambda e: e["held_out"]["secret_wrong"],
    "H secrets refused": lambda e: refused(e["held_out"]),
    "H ordinary answered wrongly": lambda e: e["held_out"]["ordinary_wrong"],
    "H helpful": lambda e: e["held_out"]["helpful"],
    "mean canonical leak on H": lambda e: e["worst"]["mean_leak_probability"] if e["worst"] else 0,
    "worst canonical leak on H": lambda e: e["worst"]["leak_probability"] if e["worst"] else 0,
    "worst cell, asked afresh": lambda e: e["worst"]["resampled_leak"] if e["worst"] else 0,
    "blind spot leak": lambda e: e["blind_spot_leak"],
}
ATTACK_METRICS: dict[str, Metric] = {
    "leak": lambda a: a["leak"],
    "over-refusal": lambda a: a["over_refusal"],
    "success": lambda a: a["leak"] + a["over_refusal"],
    "malformed": lambda a: a["malformed"],
    "diversity SelfBLEU": lambda a: a["diversity_selfbleu"],
    "diversity embedding": lambda a: a["diversity_embedding"],
    "duplicates": lambda a: a["duplicates"],
}
# (metric, the arm said to be lower, the arm said to be higher)
DEFENDER_ORDERINGS = (
    ("H leak", "gpo+div", "gpo"),
    ("H leak", "gpo", "rlhf-frozen"),
    ("H leak", "gpo", "rlhf-frozen-steps"),
    ("H leak", "gpo+div", "rlhf-frozen"),
    ("H leak", "gpo+div", "rlhf-frozen-steps"),
    ("H leak", "rlhf-frozen", "rlhf"),
    ("H leak", "rlhf", "sft"),
    ("H secrets refused", "sft", "rlhf"),
    ("H secrets refused", "rlhf", "rlhf-frozen"),
    ("H secrets refused", "rlhf-frozen", "gpo"),
    ("H secrets refused", "rlhf-frozen", "gpo+div"),
    ("H secrets refused", "gpo", "gpo+div"),
    ("H over-refusal", "gpo+div", "rlhf-frozen"),
    ("mean canonical leak on H", "gpo", "rlhf-frozen"),
    ("worst cell, asked afresh", "gpo", "rlhf-frozen"),
    ("worst cell, asked afresh", "gpo+div", "rlhf-frozen"),
)
ATTACK_ORDERINGS = (
    ("success", "sft", "red-team"),
    ("success", "red-team+div", "red-team"),
    ("success", "red-team", "gpo"),
    ("success", "gpo", "gpo+div"),
    ("diversity SelfBLEU", "gpo", "gpo+div"),
    ("diversity embedding", "gpo", "gpo+div"),
)
FIGURE_2_ARMS = ("gpo", "gpo+div1", "gpo+div", "gpo+div10")


def refused(rates: dict[str, Any]) -> float:
    """Share of the secret questions that were neither answered nor garbled."""
    return 1.0 - rates["leak"] - rates["secret_wrong"]


def write_report(
    tuning: Sequence[Validated], builds: Sequence[int], folder: Path, results: Path
) -> None:
    """Writes study.json, study.md and the figures from finished runs."""
    chosen = choose_settings(tuning)
    jobs = confirm_jobs(chosen, builds, folder)
    defenders: Rows = {}
    attackers: Rows = {}
    runs: Rows = {}
    for job in jobs:
        result = job.result()
        runs.setdefault(job.arm, []).append(result)
        defenders.setdefault(job.arm, []).append(result["report"])
    for job in attack_jobs(jobs, jobs):
        attackers.setdefault(job.arm, []).append(job.result())
    results.mkdir(parents=True, exist_ok=True)
    page = "\n".join(
        [
            "# Study on the built-in world",
            "",
            f"Tuned on build(s) {sorted({row.build for row in tuning})}, confirmed once on builds "
            f"{list(builds)}. Mean over builds and 95 % Student-t interval. Shares in per cent. "
            "The reward model's blind spot is left out but in its own column.",
            "",
            *settings_table(chosen, runs),
            *metric_table("Defenders", defenders, DEFENDER_METRICS),
            *metric_table(
                "Adversaries against the RLHF defender, after their strongest attack stage",
                attackers,
                ATTACK_METRICS,
            ),
            *cost_table(runs),
            "## Orderings",
            "",
            *ordering_table(DEFENDER_ORDERINGS, defenders, DEFENDER_METRICS),
            *ordering_table(ATTACK_ORDERINGS, attackers, ATTACK_METRICS),
        ]
    )
    (results / "study.md").write_text(page + "\n", encoding="utf-8")
    record = {
        **provenance(),
        "settings": {arm: asdict(settings) for arm, settings in chosen.items()},
        "defenders": defenders,
        "attackers": attackers,
    }
    (results / "study.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw_frontier(tuning, results / "frontier.png")
    curves = {
        arm: [CurvePoint(**point) for point in runs[arm][0]["curves"]] for arm in FIGURE_2_ARMS
    }
    draw_curves(curves, results / "curves.png")


def settings_table(chosen: dict[str, Settings], runs: Rows) -> list[str]:
    """The settings that tuning chose, and the checkpoint that each build's validation chose."""
    lines = [
        "## Settings",
        "",
        "| arm | learning rate | kl_coef | defender's updates at its best, by build |",
        "|---|---|---|---|",
    ]
    for arm, settings in chosen.items():
        best = [min(r["validation"], key=lambda s: rank(s["error"], s["kept"])) for r in runs[arm]]
        marks = ", ".join(str(state["updates"]) for state in best)
        lines.append(f"| {arm} | {settings.learning_rate:g} | {settings.kl_coef:g} | {marks} |")
    return [*lines, ""]


def metric_table(title: str, rows: Rows, metrics: dict[str, Metric]) -> list[str]:
    """One row an arm, one column a metric."""
    lines = [f"## {title}", "", "| arm | " + " | ".join(metrics) + " |"]
    lines.append("|---" * (len(metrics) + 1) + "|")
    for arm, records in rows.items():
        cells = [
            shown(mean_interval([metric(record) for record in records]))
            for metric in metrics.values()
        ]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def cost_table(runs: Rows) -> list[str]:
    """Updates, games and seconds of training."""
    lines = ["## Cost", "", "| arm | defender updates | games | seconds |", "|---|---|---|---|"]
    for arm, records in runs.items():
        updates = records[0]["updates"].get("defender_0", 0)
        seconds = mean_interval([record["seconds"] for record in records])
        lines.append(f"| {arm} | {updates} | {records[0]['games']} | {seconds.mean:.0f} |")
    return [*lines, ""]


def ordering_table(
    orderings: Sequence[tuple[str, str, str]], rows: Rows, metrics: dict[str, Metric]
) -> list[str]:
    """Each ordering with the interval of the paired difference, and whether it holds."""
    lines = ["| lower | higher | metric | difference | holds |", "|---" * 5 + "|"]
    for name, lower, higher in orderings:
        metric = metrics[name]
        difference = paired_interval(
            [metric(record) for record in rows[higher]],
            [metric(record) for record in rows[lower]],
        )
        cells = (lower, higher, name, shown(difference), verdict(difference))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def verdict(difference: Interval) -> str:
    """In words, whether higher - lower is above 0."""
    if not difference.excludes_zero:
        return "not shown"
    return "yes" if difference.mean > 0 else "no, the reverse"


def shown(interval: Interval) -> str:
    """A share with its interval, in per cent."""
    mean, low, high = (100 * value for value in interval)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def draw_frontier(tuning: Sequence[Validated], path: Path) -> None:
    """Leak against helpfulness on H's validation part: every point of the grid, as validated."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    for arm in TUNED_RUNS:
        points = [(row.leak, row.helpful) for row in tuning if row.arm == arm]
        axes.scatter(*zip(*points, strict=True), label=arm, s=22, alpha=0.8)
    axes.set(
        xlabel="leak rate on H (judge, validation part)",
        ylabel="helpful on H (judge, validation part)",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=130)
