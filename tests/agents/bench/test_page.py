"""The benchmark's page: its entry runs, its tables are complete, its links lead somewhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import llm_game_agents.bench
from llm_game_agents.bench import Algorithm, Players, Task
from llm_game_agents.bench.bundled import BUNDLED
from llm_game_agents.bench.leaderboard import METRICS
from llm_game_agents.bench.registry import GROUP
from llm_game_agents.bench.settings import BenchSettings
from llm_game_env import TurnBudget

FOLDER = Path(llm_game_agents.bench.__path__[0])
ENTRIES = ["ShortStages", "WhatWorked"]
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def table(section: str) -> list[str]:
    """The first cells of a section's last table."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows]


@pytest.mark.parametrize(("code", "name"), list(zip(blocks("python"), ENTRIES, strict=True)))
def test_the_entries_run(code: str, name: str) -> None:
    names: dict[str, Any] = {}
    exec(code, names)
    entry = names[name]()
    assert isinstance(entry, Algorithm)
    task = Task("red-team", TurnBudget(8), seed=0)
    entry.train(task)
    assert task.budget.left == 0
    assert isinstance(entry.players(), Players)


def test_the_line_in_pyproject() -> None:
    groups = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]
    assert list(groups) == [GROUP]


def test_what_a_task_has() -> None:
    task = Task("red-team", TurnBudget(8), seed=0)
    named = re.findall(r"`(?:task\.)?(\w+)(?:\(|`)", "\n".join(table("Entering")))
    assert len(named) >= 8
    assert [name for name in named if not hasattr(task, name)] == []


def test_every_column_and_entry_is_said() -> None:
    columns = ", ".join(table("What is measured"))
    for metric in METRICS:
        first = metric.name.removesuffix(" on H") if metric.name != "attack on SFT" else metric.name
        assert first in columns
    assert set(BUNDLED) == set(re.findall(r"`([^`]+)`", "\n".join(table("Bundled"))))


def test_the_sizes_it_names() -> None:
    settings = BenchSettings()
    assert f"{settings.turns:,} by default" in PAGE
    sizes = f"{settings.response_updates} batches of {settings.response_games} games"
    assert sizes in PAGE


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert len(targets) >= 3
    assert [target for target in targets if not (FOLDER / target).exists()] == []
