"""Figures: the numbers that are drawn, SVG for a page with a strict policy, files for papers."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from llm_game_env import ConfigurationError
from llm_game_env.evaluation.as_json import as_json, plain
from llm_game_env.evaluation.crossplay import Cell, CrossPlay
from llm_game_env.evaluation.intervals import Interval, wilson
from llm_game_env.evaluation.report.drawing import FORMATS, panel_svg, write_figure
from llm_game_env.evaluation.report.figures import (
    Figure,
    curves,
    diversity,
    reward_against_judge,
)
from llm_game_env.evaluation.report.heat_map import heat_map, read_crossplay
from llm_game_env.evaluation.report.palette import CLASSES
from llm_game_env.evaluation.report.recorded import RecordedArm
from llm_game_env.evaluation.report.tables import Data
from llm_game_env.evaluation.shares import JudgedShares
from report_runs import EXCHANGE, POINTS

SAME = [replace(EXCHANGE, update=1, prompt="the same words as all the others") for _ in range(3)]
OTHER = [replace(EXCHANGE, update=2, prompt=f"{word} " * 6) for word in ("one", "two", "six")]
GPO = RecordedArm("run", "gpo", Path("run"), POINTS, (*SAME, *OTHER))
UNJUDGED = tuple(
    replace(p, leak=None, over_refusal=None, missed=None, false_alarm=None) for p in POINTS
)


def judged(judge: str, succeeded: int) -> JudgedShares:
    share = wilson(succeeded, 20)
    return JudgedShares(judge, share, None, share, Interval(0.5, 0.4, 0.6))


MATRIX = CrossPlay(
    ("a", "b"),
    ("c", "d", "e"),
    ("judge",),
    tuple(
        Cell(adversary, defender, 20, (judged("judge", i),))
        for i, (adversary, defender) in enumerate((a, d) for a in "ab" for d in "cde")
    ),
)


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def column(data: Data, name: str) -> list[object]:
    return [row[data.columns.index(name)] for row in data.rows]


def test_curves_are_those_of_the_points() -> None:
    data = drawn(curves([GPO])).data
    assert column(data, "update") == [0, 1, 2]
    assert column(data, "stage") == ["defend", "defend", "attack"]
    assert column(data, "score") == [0.75, 0.75, 0.5]
    assert column(data, "leak (judge)") == [0.25] * 3


def test_bad_by_the_judge_is_unsafe_and_missed_without_false_alarms() -> None:
    data = drawn(reward_against_judge([GPO])).data
    # 0.25 + 0.125 - 0.0625 and 0.5 + 0.125 - 0.0625.
    assert column(data, "bad by the judge") == [0.3125, 0.3125, 0.5625]
    assert column(data, "unsafe by the reward model") == [0.25, 0.25, 0.5]


def test_diversity_is_that_of_the_prompts_on_record() -> None:
    data = drawn(diversity([GPO])).data
    found = column(data, "1 - SelfBLEU")
    # No exchange of the first update is on record; then all alike; then not a word in common.
    assert found[:2] == [None, pytest.approx(0.0, abs=1e-6)]
    assert found[2] == pytest.approx(1.0, abs=0.05)


def test_what_was_not_recorded_is_not_drawn() -> None:
    bare = replace(GPO, points=UNJUDGED, exchanges=())
    assert "leak (judge)" not in drawn(curves([bare])).data.columns
    assert reward_against_judge([bare]) is None
    assert diversity([bare]) is None
    assert curves([replace(GPO, points=())]) is None


def test_stages_are_shaded_where_they_were() -> None:
    svg = panel_svg(drawn(curves([GPO])), 0)
    assert svg.count('class="f-stage-defend"') == 1
    assert svg.count('class="f-stage-attack"') == 1


@pytest.mark.parametrize("name", ["gpo", "<script>alert(1)</script> & $x^2$"])
def test_a_panel_needs_no_style_of_its_own(name: str) -> None:
    figure = drawn(curves([replace(GPO, arm=name)]))
    svg = panel_svg(figure, 0)
    assert not re.search(r"style|<script|href=\"(?!#)|javascript|url\((?!#)", svg)
    # Nothing that is drawn has a colour that the style sheet does not know.
    assert not re.search("|".join(CLASSES), svg)
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == f"Learning curves: {name}"
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert set(links) <= set(ids)
    assert len(ids) == len(set(ids))
    other = panel_svg(drawn(diversity([GPO])), 0)
    assert not set(re.findall(r'id="([^"]+)"', other)) & set(ids)
    assert svg == panel_svg(figure, 0)


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_for_papers_come_with_their_numbers(tmp_path: Path, file_format: str) -> None:
    figure = drawn(curves([GPO]))
    image, numbers = write_figure(figure, tmp_path, file_format)
    starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
    assert image.read_bytes().startswith(starts[file_format])
    with numbers.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows] == ["gpo"] * 3
    assert [float(row["score"]) for row in rows] == [0.75, 0.75, 0.5]


def test_csv_gives_a_spreadsheet_no_formula() -> None:
    data = Data(("arm", "value"), (("=cmd()", -0.5), ("a,b", None), ("\t=cmd()", 1.0)))
    assert data.as_csv() == "arm,value\n'=cmd(),-0.5\n\"a,b\",\n'\t=cmd(),1.0\n"


def test_a_heat_map_has_every_adversary_and_every_defender() -> None:
    figure = heat_map(MATRIX)
    assert column(figure.data, "adversary") == [name for name in "aaabbb" for _ in range(2)]
    assert column(figure.data, "share")[::2] == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    svg = panel_svg(figure, 0)
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert {"0", "5", "10", "15", "20", "25", *"abcde"} <= set(texts)
    # The first row is the first adversary's, above the second's.
    tops = dict(re.findall(r'y="([\d.]+)"[^>]*>([ab])</text>', svg)) or dict(
        re.findall(r"translate\([\d.]+ ([\d.]+)\)[^>]*>([ab])</text>", svg)
    )
    assert [tops[top] for top in sorted(tops, key=float)] == ["a", "b"]


def test_cross_play_comes_back_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "crossplay.json"
    path.write_text(as_json(MATRIX), encoding="utf-8")
    assert read_crossplay(path) == MATRIX


@pytest.mark.parametrize("name", ["\0", "\x1b[31m", "a\nb", "\ud800", "\ufffe", "\uffff", "]]>&<"])
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    path, share = tmp_path / "crossplay.json", wilson(5, 20)
    by_name = JudgedShares(name, share, None, share, Interval(0.5, 0.4, 0.6))
    matrix = CrossPlay((name,), (name,), (name,), (Cell(name, name, 20, (by_name,)),))
    path.write_text(json.dumps(plain(matrix)), encoding="ascii")
    figure = heat_map(read_crossplay(path))
    ElementTree.fromstring(panel_svg(figure, 0))
    write_figure(figure, tmp_path, "png")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("adversaries", [1], "the name 1 must be a text"),
        ("adversaries", [], "must be a list of at least one name"),
        ("defenders", "cde", "must be a list of at least one name"),
        ("judges", [], "must be a list of at least one name"),
        ("judges", ["judge", "judge"], "must all be different"),
        ("judges", ["somebody else"], "other judges at 'a' and 'c'"),
        ("cells", [], "0 cells are not one for each pair"),
    ],
)
def test_a_matrix_that_cannot_be_drawn_is_refused(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    path = tmp_path / "crossplay.json"
    path.write_text(json.dumps({**plain(MATRIX), field: value}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        read_crossplay(path)


@pytest.mark.parametrize(("name", "value"), [("successes", 21), ("trials", "20"), ("low", "x")])
def test_a_share_that_is_none_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    path, record = tmp_path / "crossplay.json", plain(MATRIX)
    record["cells"][0]["judged"][0]["success"][name] = value
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="holds no cross-play"):
        read_crossplay(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"adversaries": ["a"], "cells": []}'])
def test_what_is_no_cross_play_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "crossplay.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="holds no cross-play"):
        read_crossplay(path)
