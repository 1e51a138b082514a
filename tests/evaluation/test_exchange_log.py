"""Exchanges on disk: whatever a model wrote comes back, and what is no exchange is refused."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env import ConfigurationError
from llm_game_env.evaluation.exchange_log import LoggedExchange, read_exchanges

EXCHANGE = LoggedExchange(
    update=3,
    stage="attack",
    game=5,
    turn=1,
    seed_id="7",
    seed_prompt="the seed prompt",
    label="harmful",
    history=({"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}),
    prompt="the prompt",
    response="the response",
    score=0.25,
    likeness=0.5,
    self_bleu=0.75,
    embedding=-0.5,
    adversary_reward=-0.75,
    defender_reward=0.25,
    valid=True,
    intent=True,
    unsafe=True,
    verdict="ok",
    judge_score=1.0,
    components={"safety": 0.5},
)


@given(prompt=st.text(st.characters(exclude_categories=())))
def test_whatever_was_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, prompt: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "one.jsonl"
    written = replace(EXCHANGE, prompt=prompt)
    path.write_text(written.as_line() + "\n", encoding="ascii")
    assert list(read_exchanges(path)) == [written]


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(f'{EXCHANGE.as_line()}\n{{"upd', encoding="ascii")
    assert list(read_exchanges(path)) == [EXCHANGE]


@pytest.mark.parametrize("line", ["{}", "[1]", "nonsense", '{"history": [], "colour": "red"}'])
def test_what_is_no_exchange_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(f"{EXCHANGE.as_line()}\n{line}\n", encoding="ascii")
    with pytest.raises(ConfigurationError, match=r"some\.jsonl, line 2: no exchange of a run"):
        list(read_exchanges(path))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read_exchanges(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("score", None, "score=None must be a finite number"),
        ("score", float("nan"), "score=nan must be a finite number"),
        ("likeness", float("-inf"), "likeness=-inf must be"),
        ("embedding", 10**400, "embedding=1000"),
        ("defender_reward", "1", "defender_reward='1' must be"),
        ("self_bleu", True, "self_bleu=True must be"),
        ("update", 0.5, "update=0.5 must be a whole number"),
        ("turn", -1, "turn=-1 must be a whole number"),
        ("valid", 1, "valid=1 must be True or False"),
        ("stage", "rest", "stage='rest' must be"),
        ("label", ["harmful"], "label="),
        ("prompt", None, "prompt=None must be a text"),
        ("verdict", 3, "verdict=3 must be a text"),
        ("judge_score", float("nan"), "judge_score=nan must be in"),
        ("components", {"a": None}, "components"),
        ("components", [1.0], "no attribute 'items'"),
        ("history", [{"role": "user", "content": 3}], "content=3 must be a text"),
        ("history", 3, "not iterable"),
    ],
)
def test_a_field_of_another_type_is_refused(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    path = tmp_path / "some.jsonl"
    line = json.dumps({**asdict(EXCHANGE), field: value})
    path.write_text(f"{EXCHANGE.as_line()}\n{line}\n", encoding="ascii")
    with pytest.raises(ConfigurationError, match=rf"some\.jsonl, line 2: .*{message}") as caught:
        list(read_exchanges(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("judge_score", "unsafe", "missed", "false_alarm"),
    [
        (1.0, True, False, True),
        (1.0, False, False, False),
        (0.0, True, False, False),
        (0.0, False, True, False),
        (None, True, False, False),
        (None, False, False, False),
    ],
)
def test_where_reward_model_and_ground_truth_part(
    judge_score: float | None, unsafe: bool, missed: bool, false_alarm: bool
) -> None:
    one = replace(EXCHANGE, judge_score=judge_score, unsafe=unsafe)
    assert (one.missed, one.false_alarm) == (missed, false_alarm)
