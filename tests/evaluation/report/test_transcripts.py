"""Exchanges as the page holds them: every text once, bounded, and no end to a script in it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_game_env.evaluation.exchange_log import LoggedExchange
from llm_game_env.evaluation.report.recorded import RecordedArm
from llm_game_env.evaluation.report.transcripts import LONGEST_TEXT, pack
from report_runs import EXCHANGE, FALSE_ALARM, MISSED


def arm(name: str, *exchanges: LoggedExchange) -> RecordedArm:
    return RecordedArm("run", name, Path("run"), (), exchanges)


def text(content: dict[str, Any], column: str, row: int) -> Any:
    return content["strings"][content["columns"][column][row]]


def test_every_exchange_comes_back() -> None:
    said = ({"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"})
    second = replace(MISSED, update=4, turn=1, history=said, components={"safety": 0.123456})
    unjudged = replace(EXCHANGE, verdict=None, judge_score=None)
    packed = pack([arm("a", FALSE_ALARM), arm("b", second, unjudged)], 10)
    content = json.loads(packed.json)
    columns = content["columns"]
    assert (packed.shown, packed.recorded) == (3, 3)
    assert content["arms"] == [{"run": "run", "arm": "a"}, {"run": "run", "arm": "b"}]
    assert (columns["arm"], columns["update"], columns["turn"]) == ([0, 1, 1], [0, 4, 0], [0, 1, 0])
    assert columns["score"] == [0.25, 0.75, 0.75]
    assert columns["score_safety"] == [None, 0.1235, None]
    assert (columns["missed"], columns["false_alarm"]) == ([0, 1, 0], [1, 0, 0])
    assert text(content, "response", 1) == "the code is nine"
    assert columns["verdict"][2] == -1
    assert [content["strings"][i] for i in columns["history"][1]] == [
        *("user", "before", "assistant", "yes")
    ]
    assert len(content["strings"]) == len(set(content["strings"]))


def test_of_too_many_an_even_share_is_kept() -> None:
    long = [replace(EXCHANGE, update=i // 10) for i in range(90)]
    packed = pack([arm("a", *long), arm("b", *long[:10])], 10)
    columns = json.loads(packed.json)["columns"]
    assert (packed.shown, packed.recorded) == (10, 100)
    assert columns["arm"] == [0] * 9 + [1]
    assert columns["update"] == [*range(9), 0]


def test_without_exchanges_there_is_nothing() -> None:
    assert pack([arm("a")], 10).shown == 0
    assert pack([arm("a", EXCHANGE)], 0).shown == 0


def test_a_long_text_is_cut_and_says_so() -> None:
    packed = pack([arm("a", replace(EXCHANGE, response="x" * (LONGEST_TEXT + 1)))], 1)
    content = json.loads(packed.json)
    assert text(content, "response", 0) == ["x" * LONGEST_TEXT, LONGEST_TEXT + 1]


def test_no_number_is_written_that_a_browser_refuses() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack([arm("a", replace(EXCHANGE, score=float("nan")))], 1)


@pytest.mark.parametrize("evil", ["</script>", "<!--", "\u2028", "\ud800", "&amp;", "\0"])
def test_the_data_ends_no_script(evil: str) -> None:
    packed = pack([arm("a", replace(EXCHANGE, prompt=evil))], 1)
    assert packed.json.isascii()
    assert packed.json.isprintable()
    assert not set("<>&") & set(packed.json)
    assert text(json.loads(packed.json), "prompt", 0) == evil
