"""The study from tuning to report, at a size at which its numbers mean nothing."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm_game_agents.arms import ARMS
from llm_game_agents.gpo_config import GPOConfig
from llm_game_env.gatekeeper.world import SHIPPED

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The study's plan, with little to do."""
    from gatekeeper_study import (  # pyright: ignore[reportMissingImports] - not on its path
        attacks,
        costs,
        jailbreak,
        plan,
    )

    small: dict[str, Any] = {"NUM_GAMES": 8, "NUM_PER_LABEL": 4, "NUM_VALIDATION": 4}
    small |= {"LEARNING_RATES": (1e-4,), "KL_COEFS": (0.05,)}
    for name, value in small.items():
        monkeypatch.setattr(plan, name, value)
    monkeypatch.setattr(costs, "UPDATES", 2)
    for module in (attacks, jailbreak):
        monkeypatch.setattr(module, "NUM_ATTACKS", 4)
    monkeypatch.setattr(
        plan,
        "GPOConfig",
        lambda seed=0: GPOConfig(defend_updates=1, attack_updates=1, rounds=2, seed=seed),
    )
    return plan


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind of work the first piece is done, here; the others are copies of it."""
    from gatekeeper_study import desk  # pyright: ignore[reportMissingImports]
    from gatekeeper_study.plan import Job  # pyright: ignore[reportMissingImports]

    done: dict[str, Path] = {}

    def finish(_: Any, work: Callable[[Any], None], pieces: Sequence[Any], title: str) -> None:
        for piece in pieces:
            if piece.path.exists():
                continue
            kind = f"{title} {getattr(piece, 'adversary', '')}"[:30]
            if isinstance(piece, Job):
                if title not in done:
                    trained = replace(piece, arm="gpo")
                    work(trained)
                    done[title] = trained.run_folder
                shutil.copytree(done[title], piece.run_folder, dirs_exist_ok=True)
            elif kind in done:
                piece.path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(done[kind], piece.path)
            else:
                work(piece)
                done[kind] = piece.path

    monkeypatch.setattr(desk.Study, "finish", finish)


@pytest.mark.slow
@pytest.mark.usefixtures("plan", "hurried")
def test_from_tuning_to_report(tmp_path: Path) -> None:
    import study as command_line  # pyright: ignore[reportMissingImports]
    from gatekeeper_study import desk  # pyright: ignore[reportMissingImports]

    builds, results = (101, 102), tmp_path / "results"
    for build in builds:
        shutil.copytree(SHIPPED, tmp_path / f"world{build}")
    study = desk.Study(tmp_path, results, 1, builds, pdf=True)
    for phase in command_line.PHASES:
        command_line.run_phase(phase, study, [0])

    page = (results / "study.md").read_text(encoding="utf-8")
    assert (
        "| GPO+Div < GPO < RLHF in ASR, in distribution (P) | **not shown** | rlhf | gpo |" in page
    )
    for name in ("defenders", "attackers", "jailbreak", "algorithms", "study"):
        record = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        assert record["versions"]["torch"]
        for table in record["tables"]:
            numbers = [values for arm in table["arms"].values() for values in arm.values()]
            assert {len(values) for values in numbers} == {2}
        page = (results / f"{name}.md").read_text(encoding="utf-8")
        assert "`python examples/study.py --only" in page
    for name in ("frontier", "figure2", "figure3"):
        assert (results / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (results / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with (results / f"{name}.csv").open(encoding="utf-8") as file:
            assert list(csv.DictReader(file))


def test_settings_are_chosen_by_the_mean_of_each_builds_best_error_within_an_arms_updates(
    plan: ModuleType,
) -> None:
    from gatekeeper_study import tuning as study_tuning  # pyright: ignore[reportMissingImports]

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


def test_the_arms_come_with_the_settings_that_tuning_found() -> None:
    from gatekeeper_study import tuning as study_tuning  # pyright: ignore[reportMissingImports]

    found = study_tuning.read_tuning(EXAMPLES.parent / "results" / "tuning.csv")
    for name, settings in study_tuning.choose_settings(found).items():
        arm = ARMS[name]
        assert (arm.learning_rate, arm.kl_coef) == (settings.learning_rate, settings.kl_coef), name


def test_without_tuning_the_report_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import study as command_line  # pyright: ignore[reportMissingImports]

    flags = ["--only", "report", "--folder", str(tmp_path), "--results", str(tmp_path / "new")]
    monkeypatch.setattr("sys.argv", ["study.py", *flags])
    assert command_line.main() == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: there is no {str(tmp_path / 'new' / 'tuning.csv')!r}")
    assert "--only tune" in err
    assert err.count("\n") == 1
    assert not any(tmp_path.iterdir())
