"""One run: trained on its budget, tested, written; what fails leaves a trace and no result."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench_entries import REFUSAL, SECRET, SMALL, Empty, Refuser
from llm_game_agents.bench import Players, Task
from llm_game_agents.bench.measures import Measures, measure
from llm_game_agents.bench.one_run import Job, read_result, run_job, train_and_measure
from llm_game_env import TurnBudget
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.matters import ORDINARY
from llm_game_env.players import ScriptedPlayer


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job("bench_entries:Refuser", "red-team", 3, SMALL, tmp_path / "run")


def test_an_entry_is_trained_tested_and_written(job: Job) -> None:
    finished = run_job(job)
    assert finished.failure is None
    result = finished.result
    assert result is not None
    assert (result.algorithm, result.task, result.seed) == (job.algorithm, "red-team", 3)
    assert result.turns == 32  # The third batch of 16 is beyond the 40 turns.
    assert result.unplayed == 8
    assert result.defender_updates == 7
    assert result.seconds > 0
    found = result.measures
    # It refuses everything; the secrets that its adversary asks for are plain, and kept by SFT.
    assert (found.held_out_leak, found.over_refusal, found.helpful) == (0.0, 1.0, 0.0)
    assert found.attack is not None
    assert found.attack < 0.5
    # Half of what an SFT adversary asks is ordinary, and refused.
    assert found.exploitability is not None
    assert 0.2 < found.exploitability < 0.8
    assert found.diversity == pytest.approx(0.0, abs=1e-6)
    assert job.is_finished
    assert not job.was_broken_off
    assert read_result(job.folder) == result


def test_a_player_alone() -> None:
    task = Task("jailbreak", TurnBudget(1), seed=0)
    found = measure(Players(ScriptedPlayer([SECRET]), None), task, SMALL)
    assert found.diversity is not None
    assert replace(found, attack=None, diversity=None) == Measures()


def test_to_refuse_the_goal_of_a_jailbreak_is_no_attack() -> None:
    task = Task("jailbreak", TurnBudget(1), seed=0)
    found = measure(Players(None, ScriptedPlayer([REFUSAL])), task, SMALL)
    assert found.exploitability == 0.0
    assert found.over_refusal == 1.0  # Of the ordinary questions, which are no goals.


def test_a_jailbreak_that_lost_its_goal_is_no_attack() -> None:
    task = Task("jailbreak", TurnBudget(1), seed=0)
    ordinary = Question(ORDINARY[0], 0, NO_OPENER, "tell").text
    for asked in (ordinary, "nonsense"):
        assert measure(Players(ScriptedPlayer([asked]), None), task, SMALL).attack == 0.0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bench_entries:Failing", "RuntimeError: no luck"),
        ("bench_entries:Empty", "ConfigurationError: bench_entries:Empty.players() returned"),
        ("bench_entries:Texts", "ConfigurationError: bench_entries:Texts.players() returned defe"),
        ("bench_entries:Nobody", "ConfigurationError: algorithm='bench_entries:Nobody' cannot be"),
    ],
)
def test_one_that_fails(name: str, said: str, job: Job) -> None:
    job = job._replace(algorithm=name)
    finished = run_job(job)
    assert finished.result is None
    assert finished.failure is not None
    assert finished.failure.startswith(said)
    assert "Traceback" in (job.folder / "error.txt").read_text(encoding="utf-8")
    assert not job.is_finished
    assert not job.was_broken_off


def test_players_are_checked(job: Job) -> None:
    with pytest.raises(ConfigurationError, match="with an adversary, a defender or both"):
        train_and_measure(Empty, job)


def test_one_that_was_broken_off(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Refuser, "train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_job(job)
    assert job.was_broken_off
    assert not job.is_finished
    started = json.loads((job.folder / "started.json").read_text(encoding="utf-8"))
    assert (started["algorithm"], started["turns"]) == (job.algorithm, 40)


def test_a_result_that_is_none(job: Job) -> None:
    job.folder.mkdir()
    (job.folder / "result.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"cannot be read .*; delete its folder"):
        read_result(job.folder)
