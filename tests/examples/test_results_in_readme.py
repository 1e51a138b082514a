"""The README's tables of results are those that the programs wrote."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_game_env.evaluation.intervals import mean_interval

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The README's words -> the tables' names.
DEFENDERS = {
    "SFT": "sft",
    "RLHF on P": "rlhf",
    "RLHF, frozen adversary": "rlhf-frozen",
    "the same, as many games as GPO": "rlhf-frozen-steps",
    "GPO": "gpo",
    "GPO + diversity": "gpo+div",
}
ALGORITHMS = {
    "GPO (PPO, alternating)": "gpo",
    "GPO with GRPO": "gpo-grpo",
    "GPO with RLOO": "gpo-rloo",
    "GPO with REINFORCE++": "gpo-reinforce",
    "simultaneous PPO, 27 updates of either player": "simultaneous",
    "fictitious self-play": "fictitious",
    "PSRO": "psro",
}
METRICS = {
    "leaks": "ASR on H",
    "refused": "H secrets refused",
    "leaks, worst question": "worst cell of H, asked afresh",
    "ordinary questions answered rightly": "utility",
    "over-refusals": "H over-refusal",
    "the adversary's leaks from the RLHF defender": "leak of rlhf",
}


def table(section: str) -> list[list[str]]:
    """The cells of a section's first table, its head first."""
    text = README.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def numbers(name: str, *titles: str) -> dict[tuple[str, str], list[float]]:
    """What some tables of a file hold, by arm and metric, one number a build, in per cent."""
    record: dict[str, Any] = json.loads((ROOT / "results" / f"{name}.json").read_text("utf-8"))
    return {
        (arm, metric): [100 * value for value in values]
        for one in record["tables"]
        if one["title"] in titles
        for arm, metrics in one["arms"].items()
        for metric, values in metrics.items()
        if None not in values
    }


def assert_is(cell: str, values: list[float]) -> None:
    shown = [int(number) for number in re.findall(r"-?\d+", cell)]
    assert len(shown) in (1, 3)
    # Half a unit of the last place.
    assert np.allclose(shown, mean_interval(values)[: len(shown)], rtol=0, atol=0.5)


def test_the_study() -> None:
    head, *rows = table("What the study shows")
    found = numbers("defenders", "Defenders")
    assert head[1:] == list(DEFENDERS)
    assert len(rows) == 5
    for name, *cells in rows:
        for arm, cell in zip(DEFENDERS.values(), cells, strict=True):
            assert_is(cell, found[arm, METRICS[name]])


def test_the_algorithms() -> None:
    head, *rows = table("Other self-play algorithms")
    found = numbers("algorithms", "Defenders", "Target by target")
    assert [row[0] for row in rows] == list(ALGORITHMS)
    for name, *cells in rows:
        for metric, cell in zip(head[1:], cells, strict=True):
            assert_is(cell, found[ALGORITHMS[name], METRICS[metric]])


@pytest.mark.parametrize("page", ["defenders", "attackers", "jailbreak", "algorithms", "study"])
def test_every_page_says_on_what_it_was_made(page: str) -> None:
    text = (ROOT / "results" / f"{page}.md").read_text(encoding="utf-8")
    record = json.loads((ROOT / "results" / f"{page}.json").read_text(encoding="utf-8"))
    last = text.splitlines()[-1]
    assert last.startswith("Made by `python examples/study.py --only ")
    assert f"torch {record['versions']['torch']}" in last
