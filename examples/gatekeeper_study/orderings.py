"""Which orderings hold: the paired difference of each with its interval, from all tables."""

from collections.abc import Mapping, Sequence
from typing import Literal

from gatekeeper_study import attackers, defenders, jailbreak, temperatures
from gatekeeper_study.claims import BESIDE, JAILBREAK, PAPER, Comparison, Ordering, Source
from gatekeeper_study.desk import Study
from gatekeeper_study.tables import Table, shown, write_page
from llm_game_env.evaluation.intervals import Interval, mean_interval

Verdict = Literal["holds", "not shown", "reversed"]


def write_orderings(study: Study) -> None:
    """Writes study.md and study.json: every ordering, from all of the study's tables."""
    of_jailbreaks, against_jailbreaks = jailbreak.jailbreak_tables(study)
    tables: dict[Source, Table] = {
        "defenders": defenders.defender_table(study),
        "adversaries": attackers.paper_attackers(study),
        "temperatures": temperatures.flatness_table(study),
        "jailbreak adversaries": of_jailbreaks,
        "jailbreak defenders": against_jailbreaks,
    }
    page = [
        "# The study on the built-in world",
        "",
        f"What the paper's results say, on builds {list(study.builds)}: for each the paired "
        "difference over builds with its 95 % Student-t interval, in points of per cent. An "
        "ordering holds where the interval of every difference in it lies above 0, is reversed "
        "where one lies below, and is not shown otherwise. Nothing is corrected for how many "
        "there are.",
        "",
        "The tables: [defenders](defenders.md), [adversaries](attackers.md), "
        "[jailbreaks](jailbreak.md), [other algorithms](algorithms.md). The figures: "
        "[curves by intensity of the diversity](figure2.png), [temperature](figure3.png), "
        "[frontier](frontier.png).",
        "",
        "## The paper's orderings",
        "",
        *ordering_lines(PAPER, tables),
        "## Beside the paper",
        "",
        *ordering_lines(BESIDE, tables),
        "## Jailbreaks",
        "",
        *ordering_lines(JAILBREAK, tables),
    ]
    write_page(study.results / "study.md", page, list(tables.values()), "report")


def ordering_lines(orderings: Sequence[Ordering], tables: Mapping[Source, Table]) -> list[str]:
    """Markdown: a row a comparison, the verdict on the whole ordering in its first."""
    lines = ["| ordering | | higher | lower | difference | of the pair |", "|---" * 6 + "|"]
    for ordering in orderings:
        found = [difference(one, tables[one.source]) for one in ordering.comparisons]
        heads = [f"| {ordering.name} | **{overall(found)}**", *["| |"] * (len(found) - 1)]
        for head, one, interval in zip(heads, ordering.comparisons, found, strict=True):
            cells = (str(one.higher), str(one.lower), shown(interval), verdict(interval))
            lines.append(f"{head} | {' | '.join(cells)} |")
    return [*lines, ""]


def difference(comparison: Comparison, table: Table) -> Interval:
    """How far the one is above the other."""
    if isinstance(comparison.lower, str):
        return table.difference(comparison.higher, comparison.lower, comparison.metric)
    values = table.of(comparison.higher, comparison.metric) - comparison.lower
    return mean_interval(values.tolist())


def overall(differences: Sequence[Interval]) -> Verdict:
    """Of an ordering, from all its differences."""
    found = [verdict(one) for one in differences]
    if all(one == "holds" for one in found):
        return "holds"
    return "reversed" if "reversed" in found else "not shown"


def verdict(difference: Interval) -> Verdict:
    """Whether a difference is above 0."""
    if not difference.excludes_zero:
        return "not shown"
    return "holds" if difference.mean > 0 else "reversed"
