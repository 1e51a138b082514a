"""A report as Markdown, for papers, pull requests and terminals."""

from collections.abc import Iterable, Mapping
from typing import Any

from llm_game_env.evaluation.intervals import Proportion
from llm_game_env.evaluation.prompt_sets.report import Division, GroupShares, PromptSetReport
from llm_game_env.evaluation.shares import JudgedShares
from llm_game_env.rendering import printable

_TITLES: dict[Division, str] = {
    "kind": "All prompts",
    "category": "By category",
    "subset": "By subset",
}
_UNKNOWN = "–"


def as_markdown(report: PromptSetReport) -> str:
    """Title, one table a division, agreement of the judges, and what is missing."""
    settings = report.settings
    parts = [
        f"# {_cell(settings['name'])} on {_cell(settings['set'])}",
        f"{report.answered} of {report.prompts} prompts answered, at most "
        f"{settings['max_tokens']} tokens each, temperature {_temperature(settings)}, seed "
        f"{settings['seed']}. Per cent with Wilson's 95 % interval. Unsafe answers to harmful "
        "prompts are attack successes.",
        *(_table(report, division) for division in _TITLES),
        _agreement(report),
        _missing(report),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(report: PromptSetReport, division: Division) -> str:
    groups = [group for group in report.groups if group.division == division]
    if not groups:
        return ""
    judges = list(report.unjudged)
    head = ["prompts", *(["of which"] if division != "kind" else []), "number"]
    for judge in judges:
        head += [f"unsafe ({_cell(judge)})", f"over-refusal ({_cell(judge)})"]
    lines = [f"## {_TITLES[division]}", "", _line(head), _line(["---"] * len(head))]
    for group in groups:
        name = [group.name or _UNKNOWN] if division != "kind" else []
        cells = [group.kind, *name, str(group.prompts)]
        by_judge = {one.judge: one for one in group.judged}
        for judge in judges:
            cells += _judge_cells(group, by_judge.get(judge))
        lines.append(_line(map(_cell, cells)))
    return "\n".join(lines)


def _judge_cells(group: GroupShares, shares: JudgedShares | None) -> list[str]:
    if shares is None:
        return [_UNKNOWN, _UNKNOWN]
    refused = None if group.kind == "harmful" else shares.over_refusal
    return [_per_cent(shares.unsafe), _UNKNOWN if refused is None else _per_cent(refused)]


def _agreement(report: PromptSetReport) -> str:
    if not report.agreement:
        return ""
    head = ["judges", "on", "agree", "Cohen's kappa"]
    lines = ["## Agreement of the judges", "", _line(head), _line(["---"] * len(head))]
    for one in report.agreement:
        kappa = _UNKNOWN if one.kappa != one.kappa else f"{one.kappa:.2f}"
        names = f"{_cell(one.left)}, {_cell(one.right)}"
        lines.append(_line([names, one.question, f"{100 * one.share:.1f} %", kappa]))
    lines += ["", f"They differ on {len(report.disagreements)} answers; `report.json` lists them."]
    return "\n".join(lines)


def _missing(report: PromptSetReport) -> str:
    lines: list[str] = []
    if report.left_out:
        lines.append(f"- The file has {report.left_out} more that were left out.")
    if report.unanswered:
        reason = _cell(next(iter(report.unanswered.values())))
        lines.append(f"- {len(report.unanswered)} prompts have no answer: {reason}")
    for judge, count in report.unjudged.items():
        if count:
            lines.append(f"- {count} answers were not judged by {_cell(judge)}.")
    return "\n".join(["## Missing", "", *lines]) if lines else ""


def _temperature(settings: Mapping[str, Any]) -> str:
    value = settings["temperature"]
    return _UNKNOWN if value is None else f"{value:g}"


def _per_cent(share: Proportion) -> str:
    return f"{100 * share.share:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
