"""The README's promises: its Python blocks run, and the files that it names exist."""

import re
from pathlib import Path
from typing import Any

import pytest

import llm_game_agents
from llm_game_agents.gpo import GPO
from llm_game_env.gatekeeper.world import load_world

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def block(holding: str) -> str:
    (found,) = (code for code in BLOCKS if holding in code)
    return found


def test_the_standard_loop_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block("agent_iter"), names)
    shown = capsys.readouterr().out
    assert "adversary" in shown
    assert "defender" in shown
    env = names["env"].unwrapped
    assert env.agents == []


def test_the_standard_loop_has_fifteen_lines() -> None:
    lines = [line for line in block("agent_iter").splitlines() if line.strip()]
    statements = [line for line in lines if not re.match(r"(import|from) |[})]", line)]
    assert len(statements) <= 15
    assert "The game in 15 lines" in README


@pytest.mark.slow
def test_the_training_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block("LanguagePolicy"), names)
    run = names["run"]
    assert isinstance(run, GPO)
    assert run.num_iterations == sum(stage.updates for stage in run.stages)
    for agent in ("adversary_0", "defender_0"):
        assert (tmp_path / "runs" / "mine" / agent / "model.safetensors").exists()


def test_the_block_with_another_library_runs() -> None:
    names: dict[str, Any] = {}
    exec(block("MaskablePPO").replace("20_000", "1_000"), names)
    assert names["learner"].num_timesteps >= 1000


def test_the_block_with_adapters_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(block("SharedBase"), {"world": load_world()})
    assert (tmp_path / "runs" / "adapter" / "adapter_model.safetensors").exists()
    assert (tmp_path / "runs" / "merged" / "model.safetensors").exists()


def test_the_evaluation_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(block("summarise").replace("seed_prompts,", "seed_prompts[::12],"), names)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(names["summary"].groups)
    assert lines[0].startswith("all ")


def test_no_python_block_is_left_out() -> None:
    assert len(BLOCKS) == 5
    for code in BLOCKS:
        compile(code, "README.md", "exec")


def test_files_to_change_exist() -> None:
    table = README.split("## I want to change")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        names = [name for name in re.findall(r"`([^`]+)`", row) if not name.startswith("make ")]
        assert names, row
        folder = ROOT / names[0]
        folder = folder if names[0].endswith("/") else folder.parent
        for name in names:
            # A name without a folder lies beside the row's first.
            assert (ROOT / name).exists() if "/" in name else (folder / name).exists(), name


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    local = [target for target in targets if "://" not in target and not target.endswith(".png")]
    assert len(local) >= 3
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_make_has_the_targets_it_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z-]+)", README))
    assert {"demo", "test", "world"} <= named
    for target in named - {"it"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_flags_it_names_exist() -> None:
    program = ROOT / "agents" / "llm_game_agents" / "main_job" / "flags.py"
    fields = set(re.findall(r"^    (\w+): \w+ = flag\(", program.read_text(), re.MULTILINE))
    command = README.split("examples/train_gpo.py --adversary")[1].split("```")[0]
    named = {"adversary", *(f.replace("-", "_") for f in re.findall(r"--([a-z-]+)", command))}
    assert len(named) >= 5
    assert named <= fields


def test_the_public_names_of_the_training_blocks_are_exported() -> None:
    lines = re.findall(r"^from llm_game_agents import (.+)$", README, re.MULTILINE)
    assert len(lines) == 2
    names = {name.strip() for line in lines for name in line.split(",")}
    assert names <= set(llm_game_agents.__all__)
