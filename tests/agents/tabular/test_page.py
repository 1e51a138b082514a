"""The page on the theory: its example runs, and its files are all there are."""

import re
from pathlib import Path

import pytest

import llm_game_agents.tabular

FOLDER = Path(llm_game_agents.tabular.__file__).parent
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(code, {})
    gap, bound, last = (
        float(number) for number in re.findall(r"[\d.e-]+", capsys.readouterr().out)
    )
    assert last < gap <= bound


def test_every_file_is_named() -> None:
    files = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py"}
    assert files <= set(re.findall(r"`(\w+\.py)`", PAGE))
