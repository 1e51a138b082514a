"""Killed at any moment and resumed, a run is to the bit the one that nothing has stopped."""

import csv
import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import killed_run
from llm_game_agents.checkpoint_store import CheckpointStore

KILLS = 4  # Of either kind.
PATIENCE = 120.0


@pytest.fixture
def words(own_models: dict[str, str]) -> list[str]:
    """A run of nine updates in six stages; the later defend stages meet past adversaries."""
    flags = own_models | {
        "--adversary-learning-rate": "0.01",
        "--defender-learning-rate": "0.01",
        "--games": "8",
        "--rounds": "3",
        "--defend-updates": "1",
        "--attack-updates": "2",
        "--save-every": "2",
    }
    return [word for pair in flags.items() for word in pair]


def to_its_end(words: list[str], log: Path) -> None:
    process = killed_run.start(words, log)
    process.join(PATIENCE)
    assert process.exitcode == 0


def without_clocks(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if not name.startswith("time/")}


def to_the_bit(value: Any) -> Any:
    """The value with the bytes of its tensors; the pickle that holds them is not one to one."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: to_the_bit(item) for key, item in value.items()}
    return [to_the_bit(item) for item in value] if isinstance(value, list) else value


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run leaves, but for what clocks say."""
    return recorded(folder) | {"results.json": results(folder)}


def results(folder: Path) -> list[dict[str, Any]]:
    """Of each arm what results.json says, but for clocks."""
    arms = json.loads((folder / "results.json").read_text(encoding="utf-8"))["arms"]
    clocks = ("seconds", "evaluation_seconds")
    return [{name: value for name, value in arm.items() if name not in clocks} for arm in arms]


def recorded(folder: Path) -> dict[str, Any]:
    """What is kept of a run while it is played."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.suffix in (".safetensors", ".txt", ".json", ".jsonl") and name != "results.json":
            found[name] = path.read_bytes()
        elif path.suffix == ".pt":
            found[name] = to_the_bit(torch.load(path, weights_only=True))
    for name in [name for name in found if name.endswith("record.json")]:
        record = json.loads(found[name])
        record["rows"] = [[index, without_clocks(row)] for index, row in record["rows"]]
        del record["training_seconds"]
        found[name] = record
    with (folder / "progress.csv").open(encoding="utf-8") as file:
        found["progress.csv"] = [without_clocks(row) for row in csv.DictReader(file)]
    (events,) = folder.glob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    found["events"] = without_clocks(
        {
            tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
            for tag in accumulator.Tags()["scalars"]
        }
    )
    return found


def assert_goes_on_to(whole: dict[str, Any], folder: Path) -> None:
    to_its_end(["--resume", str(folder)], folder.with_suffix(".log"))
    resumed = outcome(folder)
    assert resumed.keys() == whole.keys()
    assert [name for name in whole if resumed[name] != whole[name]] == []


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_bit(words: list[str], tmp_path: Path) -> None:
    rng = random.Random(0)
    straight, log = tmp_path / "straight", tmp_path / "log"
    to_its_end([*words, "--out", str(straight)], log)
    whole, num_steps = outcome(straight), killed_run.num_steps(log)
    assert len(whole["progress.csv"]) == 9
    assert "checkpoints/update-000009/past/adversary_0/2/model.safetensors" in whole

    # At a step of writing. The first quarter of them may lie before the first checkpoint.
    for die_at in rng.sample(range(num_steps // 4, num_steps), KILLS):
        folder = tmp_path / f"step-{die_at}"
        process = killed_run.start([*words, "--out", str(folder)], log, die_at)
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        assert_goes_on_to(whole, folder)

    # At a moment, in fractions of the time that the run took from its first checkpoint on.
    seconds, kills = time_from_first_checkpoint(words, tmp_path / "timed", log), 0
    for attempt in range(3 * KILLS):
        folder = tmp_path / f"moment-{attempt}"
        process = killed_run.start([*words, "--out", str(folder)], log)
        wait_for(folder / "checkpoint")
        time.sleep(seconds * rng.random())
        process.kill()
        process.join(PATIENCE)
        if process.exitcode == -signal.SIGKILL:
            kills += 1
            assert_goes_on_to(whole, folder)
        if kills == KILLS:
            break
    assert kills == KILLS


@pytest.mark.slow
def test_a_killed_demo_goes_on_to_the_bit(tmp_path: Path) -> None:
    arms = ("sft", "rlhf", "gpo+div")
    words = f"--arms {','.join(arms)} --rounds 2 --defend-updates 1 --attack-updates 1 --games 8"
    straight, log = tmp_path / "straight", tmp_path / "log"
    to_its_end([*words.split(), "--out", str(straight)], log)
    num_steps = killed_run.num_steps(log)
    for die_at in random.Random(1).sample(range(num_steps), KILLS // 2):
        folder = tmp_path / f"step-{die_at}"
        process = killed_run.start([*words.split(), "--out", str(folder)], log, die_at)
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        to_its_end(["--resume", str(folder)], log)
        assert results(folder) == results(straight)
        for arm in arms:
            assert recorded(folder / arm) == recorded(straight / arm)


def time_from_first_checkpoint(words: list[str], folder: Path, log: Path) -> float:
    process = killed_run.start([*words, "--out", str(folder)], log)
    wait_for(folder / "checkpoint")
    start = time.monotonic()
    process.join(PATIENCE)
    return time.monotonic() - start


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"no {path.name} in time"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_full_disk_ends_a_run_that_goes_on_once_there_is_room(
    words: list[str], tmp_path: Path
) -> None:
    straight, folder, log = tmp_path / "straight", tmp_path / "run", tmp_path / "log"
    to_its_end([*words, "--out", str(straight)], log)
    whole = outcome(straight)
    # The moments of Adam, which are there from the first update on, make the largest file.
    largest = (straight / "checkpoint" / "state.pt").stat().st_size // 2
    process = killed_run.start([*words, "--out", str(folder)], log, largest_file=largest)
    process.join(PATIENCE)
    assert process.exitcode == 2
    last = log.read_text(encoding="utf-8").splitlines()[-2]
    assert last.startswith("error: ")
    assert "cannot be written ([Errno 27] File too large)" in last
    assert "make room" in last
    found = CheckpointStore(folder).newest_intact()
    assert found.damaged == {}
    assert found.path.name == CheckpointStore(folder).paths[-1].name
    assert_goes_on_to(whole, folder)
