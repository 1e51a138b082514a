"""The report on self-play algorithms beside GPO, each at the settings tuned for GPO."""

from gatekeeper_study.attackers import attacker_tables
from gatekeeper_study.defenders import table_of
from gatekeeper_study.desk import Study
from gatekeeper_study.plan import ALGORITHMS
from gatekeeper_study.tables import write_page


def write_algorithms(study: Study) -> None:
    """Writes algorithms.md and algorithms.json."""
    runs = study.runs(("sft", *ALGORITHMS))
    defenders = table_of(runs)
    attackers = attacker_tables(study, ALGORITHMS)
    page = [
        "# Self-play algorithms on the built-in world",
        "",
        f"Builds {list(study.builds)}, the settings that tuning chose for GPO: the others were not "
        "tuned. Mean over builds and 95 % Student-t interval, in per cent. The columns are those "
        "of [the defenders](defenders.md) and [the adversaries](attackers.md) of the study.",
        "",
        *[line for table in (defenders, *attackers) for line in table.lines()],
        "## Cost",
        "",
        "| arm | defender's updates | games | wall-clock seconds, other work beside it |",
        "|---|---|---|---|",
    ]
    for arm in ALGORITHMS:
        clock = sum(run.seconds for run in runs[arm]) / len(runs[arm])
        page.append(f"| {arm} | {runs[arm][0].updates} | {runs[arm][0].games} | {clock:.0f} |")
    tables = (defenders, *attackers)
    write_page(study.results / "algorithms.md", [*page, ""], tables, "algorithms")
