"""The page as a file: whole, self-contained, and strict with what it may do."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from llm_game_env import ConfigurationError
from llm_game_env.evaluation.report import read_runs, write_figures, write_report
from report_runs import EXCHANGE, MISSED, POINTS, write_demo, write_progress


def written(tmp_path: Path, *folders: Path) -> str:
    return write_report(read_runs(folders), tmp_path / "report.html").path.read_text("utf-8")


def test_the_page_holds_everything_that_it_needs(tmp_path: Path) -> None:
    page = written(tmp_path, write_demo(tmp_path / "run", {"gpo": [EXCHANGE, MISSED]}))
    titles = re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page)
    assert titles == [
        "Summary",
        "Learning curves",
        "Reward against judge",
        "Diversity of the prompts",
        "Transcripts",
    ]
    # Nothing is loaded, and nothing has a style or a handler of its own.
    assert set(re.findall(r'\b(?:src|href|action)="([^"#]*)', page)) <= {""}
    assert re.findall(r"\son\w+=|\sstyle=|@import|url\((?!#)", page) == []
    links = re.findall(r'href="#([^"]+)"', page)
    assert all(f'id="{link}"' in page for link in links)


def test_the_policy_allows_this_style_and_this_script_alone(tmp_path: Path) -> None:
    page = written(tmp_path, write_demo(tmp_path / "run", {"gpo": [EXCHANGE]}, points=()))
    # The HTML of the attribute: quotes are escaped there.
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy


def test_runs_stand_side_by_side(tmp_path: Path) -> None:
    folders = [write_demo(tmp_path / name, {"gpo": [EXCHANGE]}) for name in ("one", "two")]
    page = written(tmp_path, *folders)
    assert page.count("<figcaption><bdi>one · gpo</bdi>") == 3
    assert page.count("<figcaption><bdi>two · gpo</bdi>") == 3
    assert "mean over runs" in page


def test_names_are_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    page = written(tmp_path, write_demo(tmp_path / "run", {f"a {name[:8]}": [EXCHANGE]}))
    assert name[:8] not in page.replace("<script>", "", 1).split("</style>")[0]
    folder = write_demo(tmp_path / "x\u202ey", {"gpo": []}, points=())
    assert "x\\u202ey" in written(tmp_path, folder)


def test_a_run_without_exchanges_says_so(tmp_path: Path) -> None:
    old = replace(POINTS[0], unsafe=None, missed=None, false_alarm=None)
    page = written(tmp_path, write_demo(tmp_path / "run", {"gpo": []}, points=[old]))
    assert "have no exchanges on record" in page
    assert "Reward against judge" not in page


def test_a_run_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    write_progress(tmp_path / "run", POINTS[:1])
    assert "Learning curves" in written(tmp_path, tmp_path / "run")


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    runs = read_runs([write_demo(tmp_path / "run", {"gpo": [EXCHANGE]}, points=())])
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_report(runs, tmp_path / "file" / "report.html")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_figures(runs, tmp_path / "file", "svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]


def test_figures_and_tables_are_written_with_their_numbers(tmp_path: Path) -> None:
    runs = read_runs([write_demo(tmp_path / "run", {"gpo": [EXCHANGE, MISSED]})])
    names = {path.name for path in write_figures(runs, tmp_path / "figures", "svg")}
    figures = ("curves", "reward-against-judge", "diversity")
    assert names == {
        *(f"{name}.{ending}" for name in figures for ending in ("svg", "csv")),
        "summary.csv",
        "agreement.csv",
    }
    lines = (tmp_path / "figures" / "summary.csv").read_text("utf-8").splitlines()
    assert lines[0] == "run,arm,measure,value,low,high,trials"
    assert lines[1].startswith('run,gpo,"leak, P",0.1,0.055')
