"""The page on how the agents learn says what the code does."""

import re
from pathlib import Path

import pytest

import llm_game_agents
from llm_game_agents import GPOConfig, PPOConfig
from llm_game_env.diversity import Diversity

FOLDER = Path(llm_game_agents.__file__).parent
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith("|---")
]
KNOBS = [row for row in ROWS if len(row) == 5 and "`" in row[4]]


@pytest.mark.parametrize("row", KNOBS, ids=lambda row: row[0])
def test_the_defaults_are_those_of_the_table(row: list[str]) -> None:
    config = GPOConfig()
    names = re.findall(r"`(?:(\w+)\.)?(\w+)", row[4])
    for shown, rule, index in ((row[2], config.defender, 0), (row[3], config.adversary, -1)):
        owner, name = names[index if owner_is_run(names) else 0]
        if shown == "–" or owner == "Diversity" or name == "Diversity":
            continue
        if name == "warmup_updates":
            name = "decay"
        value = getattr(config if owner_is_run(names) else rule, name)
        assert str(value) == shown, name


def owner_is_run(names: list[tuple[str, str]]) -> bool:
    return names[0][0] == "GPOConfig"


def test_the_rows_name_knobs_that_there_are() -> None:
    known = set(vars(GPOConfig())) | set(vars(PPOConfig())) | {"Diversity", "window", "reservoir"}
    named = {name for row in KNOBS for _, name in re.findall(r"`(?:(\w+)\.)?(\w+)", row[4])}
    assert len(KNOBS) > 15
    assert named - known <= {"per_seed"}
    assert Diversity(over_history="mean").over_history == "mean"


def test_the_files_and_tests_exist() -> None:
    details = [row for row in ROWS if len(row) == 4 and row[3].startswith("`test_")]
    assert len(details) == 15
    for _, _, code, tests in details:
        for file in re.findall(r"`([\w.]+\.py)`", code):
            assert list(FOLDER.rglob(file)), file
        for file in re.findall(r"`([\w.]+\.py)`", tests):
            assert list(TESTS.rglob(file)), file


def test_the_example_runs() -> None:
    names: dict[str, object] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0], names)
    assert isinstance(names["config"], GPOConfig)
    stages = names["stages"]
    assert isinstance(stages, list)
    assert [stage.updates for stage in stages] == [5] * 6
