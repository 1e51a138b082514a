"""The study: every arm's defender tuned alike on development builds, confirmed on fresh ones.

    python examples/study.py                    everything, resumable: finished work is not repeated
    python examples/study.py --only defenders   one table or figure, and the runs that it stands on

Every arm gets the same grid of learning rate × kl_coef, chosen on the development builds, and in
every run the same checkpoints; both by the judged (leak + over-refusal) / 2 on the validation parts
of the build at hand, among states that kept 80 % of the untrained defender's helpfulness. The
chosen settings are run once on the confirmation builds; other self-play algorithms beside GPO, at
its settings, too. Runs go below runs/study; what tuning found goes to results/tuning.csv, from
which the later phases read it, and tables and figures beside it.

phase       writes into the results' folder
worlds      –
tune        tuning.csv
confirm     –, only the runs of the fresh builds
defenders   defenders.md, .json: the defender table, utility, equal budgets; frontier.png, .csv
attackers   attackers.md, .json: the attacker table
figure2     figure2.png, .csv: curves by intensity of the diversity
figure3     figure3.png, .csv: temperature
jailbreak   jailbreak.md, .json: the other task's runs and tables
algorithms  algorithms.md, .json: other self-play algorithms
report      study.md, .json: which of the paper's orderings hold
"""

import argparse
import sys
from pathlib import Path

from gatekeeper_study.algorithms import write_algorithms
from gatekeeper_study.attackers import write_attackers
from gatekeeper_study.defenders import ARMS, write_defenders
from gatekeeper_study.desk import Study
from gatekeeper_study.figures import draw_figure_2
from gatekeeper_study.jailbreak import write_jailbreak
from gatekeeper_study.orderings import write_orderings
from gatekeeper_study.plan import ADVERSARIES, INTENSITIES, tune_jobs
from gatekeeper_study.runs import run_job
from gatekeeper_study.temperatures import write_figure_3
from gatekeeper_study.tuning import validated, write_tuning

from llm_game_env.errors import GameError

PHASES = (
    "worlds",
    "tune",
    "confirm",
    "defenders",
    "attackers",
    "figure2",
    "figure3",
    "jailbreak",
    "algorithms",
    "report",
)


def main() -> int:
    """Reads the command line and goes through the phases; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PHASES, help="one phase (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("runs/study"), help="for the runs")
    parser.add_argument("--results", type=Path, default=Path("results"), help="for the report")
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--tune-builds", type=int, nargs="+", default=[0, 201], help="world seeds")
    parser.add_argument("--confirm-builds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--pdf", action="store_true", help="figures as PDF, too")
    arguments = parser.parse_args()
    study = Study(
        arguments.folder,
        arguments.results,
        arguments.workers,
        tuple(arguments.confirm_builds),
        arguments.pdf,
    )
    try:
        for phase in (arguments.only,) if arguments.only else PHASES:
            run_phase(phase, study, arguments.tune_builds)
    except GameError as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


def run_phase(phase: str, study: Study, tune_builds: list[int]) -> None:
    """Does one of PHASES, and what it stands on where that is missing."""
    match phase:
        case "worlds":
            study.build_worlds((*tune_builds, *study.builds))
        case "tune":
            study.build_worlds(tune_builds)
            jobs = tune_jobs(tune_builds, study.folder)
            study.finish(run_job, jobs, "tune")
            write_tuning(validated(jobs), study.results / "tuning.csv")
        case "confirm":
            study.trained((*ARMS, *ADVERSARIES))
        case "defenders":
            write_defenders(study)
        case "attackers":
            write_attackers(study)
        case "figure2":
            runs = study.runs(INTENSITIES)
            draw_figure_2(runs, INTENSITIES, study.results, pdf=study.pdf)
        case "figure3":
            write_figure_3(study)
        case "jailbreak":
            write_jailbreak(study)
        case "algorithms":
            write_algorithms(study)
        case "report":
            write_orderings(study)


if __name__ == "__main__":
    sys.exit(main())
