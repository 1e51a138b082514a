"""The study from tuning to report, at a size at which its numbers mean nothing."""

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm_game_agents.arms import ARMS
from llm_game_agents.gpo_config import GPOConfig
from llm_game_env.gatekeeper.world import SHIPPED

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    import study_plan  # pyright: ignore[reportMissingImports] - examples are no package

    small: dict[str, Any] = {"NUM_GAMES": 8, "NUM_PER_LABEL": 4, "NUM_VALIDATION": 4}
    small["ALGORITHMS"] = ("gpo", "gpo-grpo", "simultaneous", "fictitious")
    small |= {"LEARNING_RATES": (1e-4,), "KL_COEFS": (0.05,)}
    for name, value in small.items():
        monkeypatch.setattr(study_plan, name, value)
    monkeypatch.setattr(
        study_plan,
        "GPOConfig",
        lambda seed=0: GPOConfig(defend_updates=1, attack_updates=1, rounds=2, seed=seed),
    )
    return study_plan


@pytest.mark.slow
def test_from_tuning_to_report(
    plan: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import study_algorithms  # pyright: ignore[reportMissingImports]
    import study_jobs  # pyright: ignore[reportMissingImports]
    import study_report  # pyright: ignore[reportMissingImports]
    import study_tuning  # pyright: ignore[reportMissingImports]

    monkeypatch.setattr(study_jobs, "NUM_ATTACKS", 4)
    builds = (101, 102)
    for build in builds:
        shutil.copytree(SHIPPED, tmp_path / f"world{build}")
    tuning = plan.tune_jobs([0], tmp_path)
    for job in tuning:
        study_jobs.run_job(job)
    rows = study_tuning.validated(tuning)
    study_tuning.write_tuning(rows, tmp_path / "tuning.csv")
    assert study_tuning.read_tuning(tmp_path / "tuning.csv") == rows
    jobs = plan.confirm_jobs(study_tuning.choose_settings(rows), builds, tmp_path)
    for job in jobs:
        study_jobs.run_job(job)
    chosen = study_tuning.choose_settings(rows)
    algorithms = plan.algorithm_jobs(chosen, builds, tmp_path)
    for job in algorithms:
        if not job.path.exists():
            study_jobs.run_job(job)
    for job in (*plan.attack_jobs(jobs, jobs), *plan.attack_jobs(algorithms, jobs)):
        study_jobs.attack_job(job)
    study_report.write_report(rows, builds, tmp_path, tmp_path / "results")
    study_algorithms.write_algorithms(rows, builds, tmp_path, tmp_path / "results")

    states = {job.arm: [s["updates"] for s in job.result()["validation"]] for job in tuning}
    assert states["gpo"] == [0, 1, 2]
    assert states["rlhf-frozen-steps"] == [0, 1, 2, 4]
    assert all(job.result()["report"] for job in jobs)
    record = json.loads((tmp_path / "results" / "study.json").read_text(encoding="utf-8"))
    assert {len(rows) for rows in record["defenders"].values()} == {2}
    assert set(record["attackers"]) == set(plan.ATTACKERS)
    page = (tmp_path / "results" / "study.md").read_text(encoding="utf-8")
    assert "| gpo | rlhf-frozen | H leak |" in page
    page = (tmp_path / "results" / "algorithms.md").read_text(encoding="utf-8")
    assert all(f"| {arm} |" in page for arm in plan.ALGORITHMS)
    assert (tmp_path / "results" / "frontier.png").stat().st_size > 1000


def test_settings_are_chosen_by_the_mean_of_each_builds_best_error_within_an_arms_updates(
    plan: ModuleType,
) -> None:
    import study_tuning  # pyright: ignore[reportMissingImports]

    def row(arm: str, build: int, rate: float, updates: int, error: float, kept: float = 1) -> Any:
        return study_tuning.Validated(
            arm, build, rate, 0.1, updates, error, leak=0, helpful=0.9, kept=kept
        )

    # GPO's defender gets 2 updates, the longer runs 4: the beginning of those is the short arm.
    # The state with no error at all has forgotten too much.
    rows = [
        row("rlhf-steps", 0, 1e-4, 1, 0.4),
        row("rlhf-steps", 0, 1e-4, 2, 0.5),
        row("rlhf-steps", 0, 1e-4, 4, 0.1),
        row("rlhf-steps", 0, 2e-4, 2, 0.3),
        row("rlhf-steps", 1, 2e-4, 2, 0.6),
        row("rlhf-steps", 1, 4e-4, 2, 0.0, kept=0.79),
        *(row(arm, 0, 1e-4, 2, 0.2) for arm in plan.TUNED_RUNS if arm != "rlhf-steps"),
    ]
    chosen = study_tuning.choose_settings(rows)
    assert set(chosen) == set(plan.TUNED)
    assert chosen["rlhf"] == plan.Settings(1e-4, 0.1)  # 0.4 against (0.3 + 0.6) / 2
    assert chosen["rlhf-steps"] == plan.Settings(1e-4, 0.1)


def test_the_arms_come_with_the_settings_that_tuning_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    import study_tuning  # pyright: ignore[reportMissingImports]

    tuning = study_tuning.read_tuning(EXAMPLES.parent / "results" / "tuning.csv")
    for name, settings in study_tuning.choose_settings(tuning).items():
        arm = ARMS[name]
        assert (arm.learning_rate, arm.kl_coef) == (settings.learning_rate, settings.kl_coef), name
