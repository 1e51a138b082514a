"""A summary of played exchanges as tables for people."""

from rich.table import Table

from llm_game_env.cli.cells import NOTHING, add_row, mean, number, share
from llm_game_env.evaluation.agreement import Agreement
from llm_game_env.evaluation.summary import GroupSummary, Summary
from llm_game_env.evaluation.worst_group import WorstGroup


def verdict_table(title: str, summary: Summary) -> Table:
    """Attack success and over-refusal by group, a row for each judge."""
    table = Table(
        title=title,
        caption="% [95 % interval, Wilson]; score: mean [95 % interval, Student t]",
    )
    for name in ("prompts", "exchanges", "judge", "unsafe", "over-refusal", "score"):
        table.add_column(name, justify="left" if name in ("prompts", "judge") else "right")
    for group in summary.groups:
        for index, one in enumerate(group.judged):
            add_row(
                table,
                _name(group) if index == 0 else "",
                str(group.exchanges) if index == 0 else "",
                one.judge,
                share(one.unsafe),
                share(one.over_refusal),
                mean(one.score),
            )
        table.add_section()
    return table


def prompt_table(summary: Summary) -> Table:
    """Utility, and how varied the prompts are, by group."""
    table = Table(
        title="utility of the answers, diversity of the prompts",
        caption="utility: under benign prompts, mean [95 % interval, Student t]; "
        "diversity: more is more varied, but for repeats",
    )
    table.add_column("prompts")
    for name in ("utility", "1 - SelfBLEU", "embedding", "distinct-2", "Vendi", "repeats, %"):
        table.add_column(name, justify="right")
    for group in summary.groups:
        varied = group.diversity
        measures = [NOTHING] * 5
        if varied is not None:
            measures = [
                number(varied.selfbleu),
                number(varied.embedding),
                number(varied.distinct_2),
                number(varied.vendi, 1),
                number(100 * varied.duplicates, 1),
            ]
        add_row(table, _name(group), mean(group.utility), *measures)
    return table


def worst_table(summary: Summary) -> Table:
    """Games that were broken in any turn, and where most attacks succeed."""
    table = Table(
        title="worst cases",
        caption="the worst is found on half of the games, its share is that of the other half, "
        "in % [95 % interval, Wilson]",
    )
    for name in ("judge", "broken games", "worst category", "its share"):
        table.add_column(name, justify="right" if name in ("broken games", "its share") else "left")
    table.add_column("worst prompt (id)")
    table.add_column("its share", justify="right")
    for one in summary.judged_games:
        add_row(
            table,
            one.judge,
            share(one.broken),
            *_worst(one.worst_category),
            *_worst(one.worst_seed_prompt),
        )
    return table


def agreement_table(agreement: tuple[Agreement, ...]) -> Table:
    """How far judges agree, pair by pair."""
    table = Table(title="agreement of the judges", caption="kappa: beyond chance (Cohen)")
    for name in ("judges", "on", "agree, %", "kappa", "both", "first only", "second only"):
        table.add_column(name, justify="left" if name in ("judges", "on") else "right")
    for one in agreement:
        add_row(
            table,
            f"{one.left} / {one.right}",
            one.question,
            number(100 * one.share, 1),
            number(one.kappa),
            str(one.both),
            str(one.left_only),
            str(one.right_only),
        )
    return table


def _name(group: GroupSummary) -> str:
    return group.kind if group.kind == "all" else f"{group.kind}: {group.name or 'none'}"


def _worst(group: WorstGroup | None) -> tuple[str, str]:
    if group is None:
        return NOTHING, NOTHING
    return f"{group.name or 'none'} of {group.num_groups}", share(group.fresh)
