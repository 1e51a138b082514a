"""The same defenders at equal updates, at equal games and at equal seconds."""

from collections.abc import Callable, Mapping, Sequence

from gatekeeper_study.costs import Cost, Played, played, whole
from gatekeeper_study.plan import INTENSITIES, LONGER_RUN, rank
from gatekeeper_study.records import FinishedRun, State
from gatekeeper_study.tables import Table, make_table

A_LEAK, H_LEAK, ERROR = "ASR on A", "ASR on H", "(ASR + over-refusal) / 2"
METRICS = (A_LEAK, H_LEAK, "A over-refusal", "H over-refusal", "utility", ERROR)
COMPARED = ("rlhf", "rlhf-frozen", *INTENSITIES)
LONGEST = tuple(LONGER_RUN.get(arm, arm) for arm in COMPARED)
Allowed = Callable[[str, Played], bool]


def budget_tables(
    runs: Mapping[str, Sequence[FinishedRun]], prices: Mapping[str, Cost]
) -> list[Table]:
    """For each budget the best state that a run had reached within it, on the validation parts.

    Args:
        runs: of every compared arm, and of the untrained defender.
        prices: of their updates.
    """
    updates, games = whole("gpo").defend, whole("gpo").games
    seconds = seconds_budget(prices)
    budgets: list[tuple[str, Sequence[str], Allowed]] = [
        (f"At {updates} updates of the defender", COMPARED, lambda _, s: s.defend <= updates),
        (f"At {games} games", LONGEST, lambda _, s: s.games <= games),
        (
            f"At {seconds:.0f} seconds of one core",
            LONGEST,
            lambda arm, s: s.seconds(prices.get(arm, Cost())) <= seconds,
        ),
    ]
    return [
        make_table(
            title,
            {
                arm: [_numbers(_best_within(run, allowed)) for run in runs[arm]]
                for arm in ("sft", *arms)
            },
            METRICS,
        )
        for title, arms, allowed in budgets
    ]


def seconds_budget(prices: Mapping[str, Cost]) -> float:
    """The seconds of one core that every compared arm's longest run has had, if not more."""
    return min(whole(arm).seconds(prices[arm]) for arm in LONGEST)


def budget_lines(
    tables: Sequence[Table], runs: Mapping[str, Sequence[FinishedRun]], prices: Mapping[str, Cost]
) -> list[str]:
    """The tables as Markdown, and what everything cost."""
    lines = [
        "# At equal budgets",
        "",
        "Of every run the state that ranks first among those reached within the budget. These are "
        "the validation parts, on which the state is chosen as well: the table above is the test. "
        "Seconds are CPU time of one core, measured apart; their budget is the longest that every "
        "arm has had.",
        "",
    ]
    for table in tables:
        lines += table.lines()
    lines += [
        "## Cost",
        "",
        "| arm | defender's updates | games | seconds of one core | seconds an update, of the "
        "defender and of the adversary | wall-clock seconds, other work beside it |",
        "|---" * 6 + "|",
    ]
    for arm, of_arm in runs.items():
        if arm in prices:
            end, price = whole(arm), prices[arm]
            clock = sum(run.seconds for run in of_arm) / len(of_arm)
            lines.append(
                f"| {arm} | {end.defend} | {end.games} | {end.seconds(price):.0f} | "
                f"{price.defend:.2f}, {price.attack:.2f} | {clock:.0f} |"
            )
    return [*lines, ""]


def _best_within(run: FinishedRun, allowed: Allowed) -> State:
    reached = [s for s in run.states if allowed(run.arm, played(run.arm, s.updates))]
    return min(reached, key=lambda state: rank(state.error, state.kept))


def _numbers(state: State) -> dict[str, float]:
    return {
        A_LEAK: state.reachable.leak,
        H_LEAK: state.held_out.leak,
        "A over-refusal": state.reachable.over_refusal,
        "H over-refusal": state.held_out.over_refusal,
        "utility": state.held_out.helpful,
        ERROR: state.error,
    }
