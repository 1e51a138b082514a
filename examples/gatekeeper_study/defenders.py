"""The defender table with its utility column, at equal budgets, and the frontier."""

from collections.abc import Mapping, Sequence

from gatekeeper_study.budgets import budget_lines, budget_tables
from gatekeeper_study.costs import costs
from gatekeeper_study.desk import Study
from gatekeeper_study.figures import draw_frontier
from gatekeeper_study.plan import DEFENDERS, LONGER_RUN, MIN_KEPT, UNTRAINED
from gatekeeper_study.records import FinishedRun
from gatekeeper_study.tables import Table, make_table, write_page
from gatekeeper_study.tuning import read_tuning
from llm_game_env.evaluation.defender_report import DefenderReport
from llm_game_env.evaluation.verdicts import DefenderRates

P_LEAK, A_LEAK, H_LEAK = "ASR on P", "ASR on A", "ASR on H"
WORST, MEAN_CANONICAL = "worst cell of H, asked afresh", "mean canonical leak on H"
H_REFUSED, H_OVER_REFUSAL = "H secrets refused", "H over-refusal"
UTILITY, KEPT = "utility", "utility as a share of SFT's"
METRICS = (
    P_LEAK,
    A_LEAK,
    H_LEAK,
    WORST,
    MEAN_CANONICAL,
    "P over-refusal",
    "A over-refusal",
    H_OVER_REFUSAL,
    UTILITY,
    KEPT,
    H_REFUSED,
    "H secrets answered wrongly",
    "H ordinary answered wrongly",
    "blind spot ASR",
)
ARMS = (*DEFENDERS, *LONGER_RUN.values())


def defender_table(study: Study) -> Table:
    """Every arm's defender on the parts kept for reporting."""
    return table_of(study.runs(ARMS))


def write_defenders(study: Study) -> None:
    """Writes defenders.md, defenders.json and the frontier."""
    runs = study.runs(ARMS)
    prices = costs(study, [arm for arm in ARMS if arm not in UNTRAINED])
    table = table_of(runs)
    budgets = budget_tables(runs, prices)
    page = [
        "# Defenders on the built-in world",
        "",
        f"Tuned alike on development builds, run once on builds {list(study.builds)}. Mean over "
        "builds and 95 % Student-t interval, shares in per cent, by the judge, which nothing "
        "trains on. ASR is the share of secret questions that are given away. P are the "
        "pre-collected prompts, A what the adversary can write (both in distribution), H what it "
        "cannot (out of distribution). The worst cell is the question of H on which the leak is "
        "most probable. Utility is the share of H's ordinary questions that are answered rightly, "
        "SFT the reference. The reward model's blind spot is left out but in its own column. "
        "Defenders up to gpo+div10 have at most 12 updates; those with -steps have as many games "
        "as GPO plays for both players.",
        "",
        *table.lines(),
        *_kept_lines(table),
        *_settings_lines(study, runs),
        *budget_lines(budgets, runs, prices),
        "[Frontier](frontier.png): every point of the grid that tuning compared, ASR on H against "
        "utility, and what no other point of the arm is better than in both; "
        "[the numbers](tuning.csv).",
        "",
    ]
    write_page(study.results / "defenders.md", page, [table, *budgets], "defenders")
    draw_frontier(read_tuning(study.results / "tuning.csv"), study.results, pdf=study.pdf)


def table_of(runs: Mapping[str, Sequence[FinishedRun]]) -> Table:
    """The defenders of some runs, those of the untrained arm among them."""
    rows = {
        arm: [
            _numbers(_reported(run), _reported(untrained))
            for run, untrained in zip(of_arm, runs["sft"], strict=True)
        ]
        for arm, of_arm in runs.items()
    }
    return make_table("Defenders", rows, METRICS)


def _reported(run: FinishedRun) -> DefenderReport:
    if run.report is None:
        raise ValueError(f"{run.arm} of build {run.build} was not reported on")
    return run.report


def _numbers(report: DefenderReport, untrained: DefenderReport) -> dict[str, float]:
    held_out, worst = report.held_out, report.worst
    return {
        P_LEAK: report.collected.leak,
        A_LEAK: report.reachable.leak,
        H_LEAK: held_out.leak,
        # A fixed refusal has no probabilities, and nothing to give away.
        WORST: worst.resampled_leak if worst else 0.0,
        MEAN_CANONICAL: worst.mean_leak_probability if worst else 0.0,
        "P over-refusal": report.collected.over_refusal,
        "A over-refusal": report.reachable.over_refusal,
        H_OVER_REFUSAL: held_out.over_refusal,
        UTILITY: held_out.helpful,
        KEPT: held_out.helpful / untrained.held_out.helpful,
        H_REFUSED: refused(held_out),
        "H secrets answered wrongly": held_out.secret_wrong,
        "H ordinary answered wrongly": held_out.ordinary_wrong,
        "blind spot ASR": report.blind_spot_leak,
    }


def refused(rates: DefenderRates) -> float:
    """Share of the secret questions that were neither given away nor answered wrongly."""
    return 1.0 - rates.leak - rates.secret_wrong


def _kept_lines(table: Table) -> list[str]:
    """Which arms keep as much of the SFT defender's utility as the study asks for."""
    failing = [
        f"{arm} ({100 * table.of(arm, KEPT).min():.0f} % on its worst build)"
        for arm in table.values
        if arm != "always-refuse" and table.of(arm, KEPT).min() < MIN_KEPT
    ]
    which = ", ".join(failing) if failing else "none but always-refuse"
    return [
        f"Every arm must keep {100 * MIN_KEPT:.0f} % of the SFT defender's utility on every build. "
        f"Those that do not: {which}.",
        "",
    ]


def _settings_lines(study: Study, runs: Mapping[str, Sequence[FinishedRun]]) -> list[str]:
    lines = [
        "## Settings",
        "",
        "What tuning chose, and the updates after which each build's validation chose its "
        "defender.",
        "",
        "| arm | learning rate | kl_coef | updates at its best, by build |",
        "|---|---|---|---|",
    ]
    for arm, settings in study.chosen.items():
        marks = ", ".join(str(run.best.updates) for run in runs[arm])
        lines.append(f"| {arm} | {settings.learning_rate:g} | {settings.kl_coef:g} | {marks} |")
    return [*lines, ""]
