"""The demo from the command line: its folder, its players, Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_env import red_team_v0
from main_job_runs import PATIENCE, SCRIPT, TINY, assert_reopens, environment, run_apart


@dataclass(frozen=True)
class Demo:
    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "run"
    return Demo(folder, run_apart(*TINY, "--arms", "sft,rlhf,gpo", "--out", str(folder)))


def test_the_demo_ends_with_a_table_and_a_path(demo: Demo) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert "Traceback" not in demo.done.stderr
    lines = demo.done.stdout.splitlines()
    assert lines[-1] == f"written to {demo.folder}"
    table = demo.done.stdout
    for name in ("sft", "rlhf", "gpo", "leak", "over-refusal", "wrong", "worst H", "blind spot"):
        assert name in table
    assert table.count("Gatekeeper") == 1


def test_the_demo_writes_results_and_curves(demo: Demo) -> None:
    assert (demo.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((demo.folder / "results.json").read_text(encoding="utf-8"))
    assert record["flags"]["games"] == 8
    assert record["config"]["rounds"] == 1
    assert record["versions"]["torch"] == torch.__version__
    sft, rlhf, gpo = record["arms"]
    assert [arm["arm"]["name"] for arm in record["arms"]] == ["sft", "rlhf", "gpo"]
    assert (sft["updates"], sft["games"], sft["curves"]) == ({}, 0, [])
    assert (rlhf["updates"], rlhf["games"]) == ({"defender_0": 1}, 8)
    assert (gpo["updates"], gpo["games"]) == ({"adversary_0": 1, "defender_0": 1}, 16)
    assert [point["stage"] for point in gpo["curves"]] == ["defend", "attack"]
    assert rlhf["attack_on_rlhf"] is None
    assert 0 < sft["attack_on_rlhf"]["leak"] < 1
    for arm in record["arms"]:
        for split in ("collected", "reachable", "held_out"):
            assert 0 <= arm["defender"][split]["leak"] <= 1
        assert 0 < arm["defender"]["worst"]["leak_probability"] <= 1


def test_the_demo_logs_and_shows_transcripts(demo: Demo) -> None:
    for arm in ("rlhf", "gpo"):
        files = {path.name for path in (demo.folder / arm).iterdir()}
        assert {"progress.csv", "checkpoint"} < files
        assert {f"transcript_{when}.txt" for when in ("early", "middle", "late")} < files
        assert any(name.startswith("events.out.tfevents.") for name in files)


@pytest.mark.parametrize("agent", ["adversary_0", "defender_0"])
def test_the_demos_players_open_in_plain_transformers(demo: Demo, agent: str) -> None:
    assert_reopens(demo.folder / "gpo" / "checkpoint" / agent)


def test_the_demos_checkpoint_is_a_whole_run(demo: Demo) -> None:
    run = GPO.load(demo.folder / "gpo" / "checkpoint", red_team_v0.vector_env(8))
    assert run.num_iterations == 2
    assert {agent: ppo.num_updates for agent, ppo in run.learners.items()} == {
        "adversary_0": 1,
        "defender_0": 1,
    }


def wait_for_update(process: subprocess.Popen[str], progress: Path) -> None:
    """Until the first update is on record."""
    end = time.monotonic() + PATIENCE
    while not progress.exists() or progress.read_text(encoding="utf-8").count("\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no update in time"
        time.sleep(0.1)


def test_ctrl_c_leaves_a_checkpoint_and_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ("--arms", "gpo", "--rounds", "5000", "--games", "8", "--out", str(folder))
    # A process that was started in the background has SIGINT ignored, and its children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *words],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        wait_for_update(process, folder / "gpo" / "progress.csv")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert "Traceback" not in err
    assert "interrupted" in out
    assert str(folder) in out
    assert "checkpoint" in out
    assert process.returncode == 130
    run = GPO.load(folder / "gpo" / "checkpoint", red_team_v0.vector_env(8))
    assert run.num_iterations >= 1
    assert_reopens(folder / "gpo" / "checkpoint" / "defender_0")
