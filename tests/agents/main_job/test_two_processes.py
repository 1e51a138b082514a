"""The main job in two processes: one run folder, one set of lines, one exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands import launch
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_multi_gpu_env

from llm_game_agents.checkpoint_store import CheckpointStore
from llm_game_agents.processes.opening import refuse_what_is_not_done
from several_processes import run_together, train

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "examples" / "accelerate").glob("*.yaml"))
PATIENCE = 240.0


@pytest.fixture
def words(own_models: dict[str, str]) -> list[str]:
    """Two updates of two architectures, one in each stage."""
    flags = own_models | {
        "--games": "7",
        "--rounds": "1",
        "--defend-updates": "1",
        "--attack-updates": "1",
    }
    return [word for pair in flags.items() for word in pair]


def scores(folder: Path) -> list[float]:
    """The mean score of each update."""
    arms = json.loads((folder / "results.json").read_text(encoding="utf-8"))["arms"]
    return [point["score"] for point in arms[0]["curves"]]


def test_two_processes_write_one_run(words: list[str], tmp_path: Path) -> None:
    folder, log = tmp_path / "runs" / "run", tmp_path / "log"
    statuses = run_together(2, train, [*words, "--out", str(folder)], log=log)
    said, other = log.read_text(), log.with_suffix(".1").read_text()
    assert statuses == [0, 0], said + other
    assert [path.name for path in folder.parent.iterdir()] == ["run"]
    assert said.count(f"written to {folder}\n") == 1
    assert "saved in" in said
    assert other == ""
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert len((folder / "progress.csv").read_text().splitlines()) == 3
    # One process makes of it what it would have made of its own run.
    alone = tmp_path / "alone"
    assert run_together(1, train, [*words, "--out", str(alone)], log=log) == [0], log.read_text()
    assert scores(folder) == pytest.approx(scores(alone), abs=1e-6)
    for name in ("early", "late"):
        name = f"transcript_{name}.txt"
        assert (folder / name).read_text() == (alone / name).read_text()


def test_two_processes_go_on_in_the_folder_of_a_run(words: list[str], tmp_path: Path) -> None:
    folder, log = tmp_path / "run", tmp_path / "log"
    words += ["--out", str(folder)]
    assert run_together(1, train, words, log=log) == [0], log.read_text()
    whole = scores(folder)
    (damaged,) = folder.glob("checkpoints/update-000002/adversary_0/model.safetensors")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    statuses = run_together(2, train, [*words, "--resume", str(folder)], log=log)
    said, other = log.read_text(), log.with_suffix(".1").read_text()
    assert statuses == [0, 0], said + other
    assert said.count("update-000002 cannot be used") == 1
    assert other == ""
    assert scores(folder) == pytest.approx(whole, abs=1e-6)
    assert CheckpointStore(folder).newest_intact().path.name == "update-000002"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--seed-prompts", "nowhere.json"], "nowhere.json"),
        (["--device", "cpu:0"], "device='cpu:0' is one device for 2 processes"),
        (["--games", "0"], "games=0 must be at least 1"),
        (["--resume", "nowhere"], "holds no checkpoint"),
    ],
)
def test_bad_input_is_refused_once(
    change: list[str], message: str, words: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert run_together(2, train, [*words, *change], log=log) == [2, 2]
    assert log.read_text().count("error: ") == 1
    assert message in log.read_text()
    assert log.with_suffix(".1").read_text() == ""


def launched(words: list[str], *launcher: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "agents")])
    return subprocess.run(
        [sys.executable, "-m", *launcher, str(ROOT / "examples" / "train_gpo.py"), *words],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.slow
def test_accelerate_launch(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run"
    launcher = ("accelerate.commands.launch", "--config_file", str(FILES[0]))
    launcher += ("--num_processes", "2", "--main_process_port", "0")
    done = launched([*words, "--out", str(folder)], *launcher)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"written to {folder}\n") == 1
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


@pytest.mark.slow
def test_torchrun_on_the_built_in_world(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["--arms", "gpo+div", "--rounds", "1", "--defend-updates", "1", "--games", "8"]
    words += ["--attack-updates", "1", "--out", str(folder)]
    done = launched(words, "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Gatekeeper") == done.stdout.count("written to") == 1
    assert len(json.loads((folder / "results.json").read_text())["arms"]) == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_accelerate_takes_its_configuration_files(file: Path) -> None:
    config = load_config_from_file(str(file))
    assert isinstance(config, ClusterConfig)
    nodes = 2 if "nodes" in file.stem else 1
    assert (config.num_machines, config.num_processes) == (nodes, 8 * nodes)
    assert not config.use_cpu


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_files_ask_for_is_done(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--config_file", str(file), "--gpu_ids", "all", "train_gpo.py"]
    arguments, _, _ = launch._validate_launch_command(
        launch.launch_command_parser().parse_args(words)
    )
    for name, value in prepare_multi_gpu_env(arguments).items():
        monkeypatch.setenv(name, value)
    refuse_what_is_not_done()
    if "fsdp2" in file.stem:
        plugin = FullyShardedDataParallelPlugin()
        assert plugin.fsdp_version == 2
        assert plugin.reshard_after_forward
        assert not plugin.cpu_ram_efficient_loading
