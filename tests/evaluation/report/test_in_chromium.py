"""The page in a browser: hostile transcripts, filters, keyboard, phones, light and dark."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.exchange_log import LoggedExchange
from llm_game_env.evaluation.report import read_runs, write_report
from opened_report import Scheme, opened
from report_runs import EXCHANGE, FALSE_ALARM, MISSED, POINTS, write_demo

HOSTILE = [
    "</script><script>document.title = 'owned'; alert(1)</script>",
    "<img src=x onerror=\"alert(1); document.title = 'owned'\">",
    '<svg/onload="alert(1)"><a href="javascript:alert(1)">here</a>',
    "<style>* { display: none }</style><base href='http://example.invalid/'>",
    '<iframe srcdoc="<script>parent.document.title = 1</script>"></iframe>',
    '<meta http-equiv="refresh" content="0;url=http://example.invalid/">',
    "<!-- <script> ]]> --> {{ 7 * 7 }} ${7 * 7} {% raw %}",
    "<form action='http://example.invalid'><button>Next</button></form>",
    "&lt;b&gt; stays as it was &amp; so does \\u003c",
]
# Each with what is shown in its place.
UNSEEN = {
    "safe \u202egpj.exe\u202c": "safe U+202Egpj.exeU+202C",
    "red \x1b[31mtext": "red U+001B[31mtext",
    "null \x00 byte": "null U+0000 byte",
    "bell \x07, back\x08space": "bell U+0007, backU+0008space",
    "half \ud83d a pair": "half U+D83D a pair",
    "line \u2028 separator": "line U+2028 separator",
    "zero\u200bwidth": "zeroU+200Bwidth",
    "tag \U000e0041 letter": "tag U+E0041 letter",
}


def report(
    tmp_path: Path,
    exchanges: Sequence[LoggedExchange],
    points: Sequence[CurvePoint] = (),
    **options: Any,
) -> Path:
    """Of one arm; without points it has no figures."""
    runs = read_runs([write_demo(tmp_path / "run", {"gpo": exchanges}, points=points)])
    return write_report(runs, tmp_path / "report.html", **options).path


def test_what_a_model_wrote_is_text_whatever_it_tries(browser: Any, tmp_path: Path) -> None:
    texts = [*HOSTILE, *UNSEEN, "w" * 900]
    exchanges = [replace(EXCHANGE, prompt=text, response=text, seed_prompt=text) for text in texts]
    with opened(browser, report(tmp_path, exchanges)) as shown:
        assert shown.found == len(texts)
        expected = [*HOSTILE, *UNSEEN.values(), "w" * 900]
        assert shown.texts("adversary") == expected
        assert shown.texts("defender") == expected
        assert shown.texts("seed") == expected
        inside = "#list script, #list img, #list svg, #list iframe, #list a, #list form, #list base"
        assert shown.page.query_selector_all(inside) == []
        assert "owned" not in shown.page.title()
        # A very long word makes the page no wider.
        assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert shown.mishaps == []


def test_names_and_histories_are_text_too(browser: Any, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    said = ({"role": "user", "content": evil}, {"role": "assistant", "content": evil})
    odd = replace(EXCHANGE, stage="attack", verdict=evil, seed_id=evil, history=said)
    odd = replace(odd, components={evil: 0.5})
    runs = read_runs([write_demo(tmp_path / evil, {f"{evil} 'arm": [odd]})])
    path = write_report(runs, tmp_path / "report.html", title=evil).path
    with opened(browser, path) as shown:
        assert shown.found == 1
        assert shown.page.title() == evil
        assert shown.page.query_selector_all("img") == []
        shown.page.click("#list details summary")
        before = "(all) => all.map((one) => one.textContent)"
        assert shown.page.eval_on_selector_all("#list details .words", before) == [evil, evil]
        assert shown.mishaps == []


def test_a_script_that_slipped_in_would_not_run(browser: Any, tmp_path: Path) -> None:
    path = report(tmp_path, [EXCHANGE])
    slipped = '<script>document.title = "owned"</script><img src="http://example.invalid/x">'
    page = path.read_text(encoding="utf-8").replace("<main>", f"<main>{slipped}", 1)
    path.write_text(page, encoding="utf-8")
    with opened(browser, path) as shown:
        assert shown.found == 1
        assert shown.page.title() != "owned"
        refused = [one for one in shown.mishaps if "Content Security Policy" in one]
        assert [one.split()[1] for one in refused] == ["Executing", "Loading"]


def mixed() -> list[LoggedExchange]:
    """Sixty exchanges over six updates, of which 10 are missed and 5 false alarms."""
    some: list[LoggedExchange] = []
    for i in range(60):
        kind = MISSED if i % 6 == 0 else FALSE_ALARM if i % 12 == 1 else EXCHANGE
        some.append(
            replace(
                kind,
                update=i // 10,
                stage="attack" if i >= 30 else "defend",
                label="benign" if i % 2 else "harmful",
                prompt=f"prompt number {i}",
                score=i / 100,
            )
        )
    return some


FILTERED = (
    ({"#query": "NUMBER 7"}, 1),
    ({"#query": "code is nine"}, 10),
    ({"#query": "nothing like it"}, 0),
    ({"#stage": "attack"}, 30),
    ({"#label": "benign"}, 30),
    ({"#verdict": "leak"}, 10),
    ({"#judges": "disagree"}, 15),
    ({"#judges": "bad, but missed"}, 10),
    ({"#judges": "good, but called unsafe"}, 5),
    ({"#judges": "agree"}, 45),
    ({"#update-least": "2", "#update-most": "3"}, 20),
    ({"#part": "score", "#part-least": "0.5"}, 10),
    ({"#part": "score", "#part-least": "0.1", "#part-most": "0.19"}, 10),
    ({"#stage": "attack", "#verdict": "leak", "#query": "number 3"}, 2),
)


@pytest.fixture(scope="module")
def mixed_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("mixed"), mixed(), POINTS)


def test_filters(mixed_report: Path, browser: Any) -> None:
    with opened(browser, mixed_report) as shown:
        for fields, expected in FILTERED:
            for field, value in fields.items():
                if shown.page.eval_on_selector(field, "(one) => one.tagName") == "SELECT":
                    shown.page.select_option(field, label=value)
                else:
                    shown.page.fill(field, value)
            assert (fields, shown.found) == (fields, expected)
            shown.page.click("#reset")
            assert shown.found == 60
        assert shown.mishaps == []


def test_pages_order_and_hits(mixed_report: Path, browser: Any) -> None:
    with opened(browser, mixed_report) as shown:
        assert shown.texts("adversary")[0] == "prompt number 0"
        assert len(shown.texts("adversary")) == 25
        shown.page.click("#last")
        assert shown.texts("adversary") == [f"prompt number {i}" for i in range(50, 60)]
        assert shown.page.is_disabled("#next")
        shown.page.select_option("#order", "down")
        assert shown.found == 60
        assert shown.texts("adversary")[:2] == ["prompt number 59", "prompt number 58"]
        shown.page.fill("#query", "number 5")
        assert shown.found == 11
        assert shown.page.inner_text("#list mark >> nth=0") == "number 5"


def test_everything_can_be_reached_by_keyboard(mixed_report: Path, browser: Any) -> None:
    with opened(browser, mixed_report) as shown:
        keyboard, reached = shown.page.keyboard, []
        focused = "document.activeElement.id || document.activeElement.textContent.trim()"
        for _ in range(60):
            keyboard.press("Tab")
            reached.append(shown.page.evaluate(focused))
        assert reached[0] == "Skip to the transcripts"
        fields = ["query", "arm", "stage", "label", "verdict", "judges", "update-least", "part"]
        assert [name for name in dict.fromkeys(reached) if name in fields] == fields
        shown.page.focus("#next")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        keyboard.press("Shift+Tab")
        keyboard.press("Tab")
        assert shown.page.evaluate(outline) == "solid"
        keyboard.press("Enter")
        assert shown.page.inner_text("#page") == "page 2 of 3"
        unnamed = """() => [...document.querySelectorAll("input, select, button")].filter(
            (one) => !(one.labels?.length || one.textContent.trim())).length"""
        assert shown.page.evaluate(unnamed) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(
    mixed_report: Path, browser: Any, scheme: Scheme
) -> None:
    with opened(browser, mixed_report, width=360, scheme=scheme) as shown:
        assert shown.page.evaluate("document.documentElement.scrollWidth") == 360
        # Text on the page stands out from it: at least 4.5 to 1, as WCAG 2.1 asks for.
        assert shown.page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    const [r, g, b] = parts.slice(0, 3).map((one) => one / 255).map(
      (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let node = one; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || one.closest("svg, script, noscript, :disabled") || !one.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${one.tagName} ${one.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


@pytest.mark.slow
def test_thousands_of_exchanges_are_shown_a_page_at_a_time(browser: Any, tmp_path: Path) -> None:
    exchanges = [
        replace(EXCHANGE, update=i // 64, prompt=f"prompt {i}", response=f"answer {i % 900}")
        for i in range(20_000)
    ]
    path = report(tmp_path, exchanges, most_exchanges=20_000)
    with opened(browser, path) as shown:
        assert shown.found == 20_000
        assert shown.page.evaluate("document.querySelectorAll('#list > li').length") == 25
        shown.page.fill("#query", "answer 899")
        assert shown.found == 22
        shown.page.fill("#query", "")
        shown.page.click("#last")
        assert shown.texts("adversary")[-1] == "prompt 19999"


def test_figures_save_their_numbers(mixed_report: Path, browser: Any) -> None:
    with opened(browser, mixed_report) as shown:
        shown.page.click("#curves details summary")
        with shown.page.expect_download() as waiting:
            shown.page.click("#curves .save")
        assert waiting.value.suggested_filename == "curves.csv"
        lines = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("run,arm,update,stage,score,")
        assert lines[1].startswith("run,gpo,0,defend,0.75,")
        assert len(lines) == 4
        assert shown.mishaps == []
