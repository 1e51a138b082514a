"""The page: one HTML file that opens from disk, loads nothing, and runs no script but its own.

What a model wrote reaches the page as data, in a block of JSON, and is shown by `textContent`
alone. The page's policy (CSP) allows the one style sheet and the one script by their hashes, and no
network: markup that did slip in could neither run nor load.
"""

import base64
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.report.drawing import svg_panels, write_figure
from llm_game_env.evaluation.report.figures import (
    CURVE,
    Figure,
    curves,
    diversity,
    reward_against_judge,
)
from llm_game_env.evaluation.report.recorded import RecordedRun
from llm_game_env.evaluation.report.summary import ALL_RUNS, agreement, summary
from llm_game_env.evaluation.report.tables import Table
from llm_game_env.evaluation.report.transcripts import pack

MOST_EXCHANGES = 8000
SCRIPTS = ("text.js", "filters.js", "explorer.js", "figures.js")
_ASSETS = files("llm_game_env.evaluation.report") / "assets"


class Shown(NamedTuple):
    """A figure as the template takes it.

    Attributes:
        figure: with its legend and data.
        svgs: its panels.
    """

    figure: Figure
    svgs: Sequence[Markup]

    @property
    def is_wide(self) -> bool:
        """Whether its panels want more room than a curve."""
        return max(panel.size[0] for panel in self.figure.panels) > CURVE[0]


class Written(NamedTuple):
    """What a report has come to.

    Attributes:
        path: of the page.
        exchanges: on the page.
        recorded: exchanges in the runs' folders.
    """

    path: Path
    exchanges: int
    recorded: int


def write_report(
    runs: Sequence[RecordedRun],
    path: Path,
    *,
    title: str = "",
    extra_figures: Sequence[Figure] = (),
    most_exchanges: int = MOST_EXCHANGES,
) -> Written:
    """Writes the page of some runs.

    Args:
        runs: side by side, see `read_runs`.
        path: of the page.
        title: of the page; by default the names of the runs.
        extra_figures: after those that are drawn from the runs, such as `cross_play`.
        most_exchanges: on the page; of more, an even share of every arm and update is kept.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    arms = [arm for run in runs for arm in run.arms]
    packed = pack(arms, most_exchanges)
    style, script = _asset("report.css"), _script()
    page = _template().render(
        title=title or f"Report: {', '.join(run.name for run in runs)}",
        runs=runs,
        summary=summary(arms),
        agreement=agreement(arms),
        all_runs=ALL_RUNS,
        figures=[
            Shown(figure, [Markup(svg) for svg in svg_panels(figure)])
            for figure in report_figures(runs, extra_figures)
        ],
        packed=packed,
        data=Markup(packed.json),
        style=Markup(style),
        script=Markup(script),
        policy=content_policy(style, script),
    )
    _replace(path, page)
    return Written(path, packed.shown, packed.recorded)


def report_figures(runs: Sequence[RecordedRun], extra: Sequence[Figure] = ()) -> list[Figure]:
    """The figures that can be drawn of some runs, and those given."""
    arms = [arm for run in runs for arm in run.arms]
    drawn = [curves(arms), reward_against_judge(arms), diversity(arms), *extra]
    return [figure for figure in drawn if figure is not None]


def write_figures(
    runs: Sequence[RecordedRun],
    folder: Path,
    file_format: str,
    extra_figures: Sequence[Figure] = (),
) -> list[Path]:
    """Writes every figure to a file of its own, and all numbers as CSV; the paths.

    Raises:
        ConfigurationError: the folder cannot be written to.
    """
    arms = [arm for run in runs for arm in run.arms]
    tables: dict[str, Table] = {"summary": summary(arms), "agreement": agreement(arms)}
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for figure in report_figures(runs, extra_figures):
            written += write_figure(figure, folder, file_format)
        for name, table in tables.items():
            if table.rows:
                path = folder / f"{name}.csv"
                path.write_text(table.as_data().as_csv(), encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise ConfigurationError(
            f"the figures cannot be written to {str(folder)!r} ({error}); give another folder"
        ) from error
    return written


def content_policy(style: str, script: str) -> str:
    """The page's Content-Security-Policy: nothing but this style sheet and this script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("report.html.j2"))


def _script() -> str:
    """All scripts as one, in a scope of their own."""
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _replace(path: Path, page: str) -> None:
    """Writes the file whole, or leaves the one that was there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder) / path.name
            # With the line breaks that the hashes are of, on every system.
            new.write_text(page, encoding="utf-8", newline="\n")
            shutil.move(new, path)
    except OSError as error:
        raise ConfigurationError(
            f"the report {str(path)!r} cannot be written ({error}); give another --out"
        ) from error
