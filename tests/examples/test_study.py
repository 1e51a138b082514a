"""The study from tuning to report, at a size at which its numbers mean nothing."""

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm_game_agents.gpo import GPOConfig
from llm_game_env.gatekeeper.world import SHIPPED

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def jobs_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    import study_jobs  # pyright: ignore[reportMissingImports] - examples are no package

    small = {
        "NUM_GAMES": 4,
        "NUM_PER_LABEL": 4,
        "NUM_VALIDATION": 4,
        "NUM_ATTACKS": 4,
        "NUM_LATER": 1,
    }
    small |= {"LEARNING_RATES": (1e-4,), "KL_COEFS": (0.05,)}
    for name, value in small.items():
        monkeypatch.setattr(study_jobs, name, value)
    monkeypatch.setattr(
        study_jobs,
        "GPOConfig",
        lambda seed=0: GPOConfig(defend_updates=1, attack_updates=1, rounds=2, seed=seed),
    )
    return study_jobs


@pytest.mark.slow
def test_from_tuning_to_report(jobs_module: ModuleType, tmp_path: Path) -> None:
    import study_report  # pyright: ignore[reportMissingImports]
    import study_tuning  # pyright: ignore[reportMissingImports]

    builds = (101, 102)
    for build in builds:
        shutil.copytree(SHIPPED, tmp_path / f"world{build}")
    tuning = jobs_module.tune_jobs([0], tmp_path)
    for job in tuning:
        jobs_module.run_job(job)
    rows = study_tuning.validated(tuning)
    study_tuning.write_tuning(rows, tmp_path / "tuning.csv")
    assert study_tuning.read_tuning(tmp_path / "tuning.csv") == rows
    jobs = jobs_module.confirm_jobs(study_tuning.choose_settings(rows), builds, tmp_path)
    for job in jobs:
        jobs_module.run_job(job)
    for job in jobs_module.attack_jobs(jobs):
        jobs_module.attack_job(job)
    study_report.write_report(rows, builds, tmp_path, tmp_path / "results")

    states = {job.arm: [s["updates"] for s in job.result()["validation"]] for job in tuning}
    assert states["gpo"] == [1, 2]
    assert states["rlhf-frozen-steps"] == [1, 2, 4]
    assert all(job.result()["report"] for job in jobs)
    record = json.loads((tmp_path / "results" / "study.json").read_text(encoding="utf-8"))
    assert {len(rows) for rows in record["defenders"].values()} == {2}
    assert set(record["attackers"]) == set(jobs_module.ATTACKERS)
    page = (tmp_path / "results" / "study.md").read_text(encoding="utf-8")
    assert "| gpo | rlhf-frozen | H leak |" in page
    assert (tmp_path / "results" / "frontier.png").stat().st_size > 1000


def test_settings_are_chosen_by_the_mean_error_within_an_arms_updates(
    jobs_module: ModuleType,
) -> None:
    import study_tuning  # pyright: ignore[reportMissingImports]

    def row(arm: str, build: int, rate: float, updates: int, error: float) -> Any:
        return study_tuning.Validated(arm, build, rate, 0.1, updates, error, leak=0, helpful=1)

    # GPO's defender gets 2 updates, the longer runs 4: the beginning of those is the short arm.
    rows = [
        row("rlhf-steps", 0, 1e-4, 1, 0.5),
        row("rlhf-steps", 0, 1e-4, 2, 0.4),
        row("rlhf-steps", 0, 1e-4, 4, 0.1),
        row("rlhf-steps", 0, 2e-4, 2, 0.3),
        row("rlhf-steps", 1, 2e-4, 2, 0.6),
        *(row(arm, 0, 1e-4, 2, 0.2) for arm in jobs_module.TUNED_RUNS if arm != "rlhf-steps"),
    ]
    chosen = study_tuning.choose_settings(rows)
    assert set(chosen) == set(jobs_module.TUNED)
    assert chosen["rlhf"] == jobs_module.Settings(1e-4, 0.1, 2)  # 0.4 against (0.3 + 0.6) / 2
    assert chosen["rlhf-steps"] == jobs_module.Settings(1e-4, 0.1, 4)
