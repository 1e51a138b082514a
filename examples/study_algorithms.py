"""The report on self-play algorithms beside GPO, each at the settings tuned for GPO."""

import json
from collections.abc import Sequence
from pathlib import Path

from study_plan import algorithm_jobs, attack_jobs, confirm_jobs
from study_report import ATTACK_METRICS, DEFENDER_METRICS, Rows, cost_table, metric_table
from study_tuning import Validated, choose_settings

from llm_game_env.evaluation.results import provenance


def write_algorithms(
    tuning: Sequence[Validated], builds: Sequence[int], folder: Path, results: Path
) -> None:
    """Writes algorithms.md and algorithms.json: self-play algorithms beside GPO."""
    chosen = choose_settings(tuning)
    jobs = algorithm_jobs(chosen, builds, folder)
    runs: Rows = {}
    defenders: Rows = {}
    attackers: Rows = {}
    attacks = attack_jobs(jobs, confirm_jobs(chosen, builds, folder))
    for job, attack in zip(jobs, attacks, strict=True):
        result = job.result()
        runs.setdefault(job.arm, []).append(result)
        defenders.setdefault(job.arm, []).append(result["report"])
        attackers.setdefault(job.arm, []).append(attack.result())
    page = "\n".join(
        [
            "# Self-play algorithms on the built-in world",
            "",
            f"Builds {list(builds)}, the settings that tuning chose for GPO: the others were not "
            "tuned. Mean over builds and 95 % Student-t interval; shares in per cent.",
            "",
            *metric_table("Defenders", defenders, DEFENDER_METRICS),
            *metric_table("Adversaries against the RLHF defender", attackers, ATTACK_METRICS),
            *cost_table(runs),
        ]
    )
    results.mkdir(parents=True, exist_ok=True)
    (results / "algorithms.md").write_text(page + "\n", encoding="utf-8")
    record = {**provenance(), "defenders": defenders, "attackers": attackers}
    text = json.dumps(record, indent=1) + "\n"
    (results / "algorithms.json").write_text(text, encoding="utf-8")
