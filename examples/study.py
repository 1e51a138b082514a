"""The study: every arm's defender tuned alike on development builds, confirmed on fresh ones.

    python examples/study.py               everything, resumable: finished runs are not repeated
    python examples/study.py --only tune   one phase: worlds, tune, confirm, algorithms or report

Every arm gets the same grid of learning rate × kl_coef, chosen on the development builds, and in
every run the same checkpoints; both by the judged (leak + over-refusal) / 2 on the validation parts
of the build at hand, among states that kept 80 % of the untrained defender's helpfulness. The
chosen settings are run once on the confirmation builds; other self-play algorithms beside GPO, at
its settings, too. Runs go below runs/study; what tuning found
goes to results/tuning.csv, from which the later phases read it, and the report beside it.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from study_algorithms import write_algorithms
from study_jobs import attack_job, build_job, run_job
from study_plan import Job, algorithm_jobs, attack_jobs, confirm_jobs, tune_jobs
from study_report import write_report
from study_tuning import choose_settings, read_tuning, validated, write_tuning
from tqdm import tqdm

PHASES = ("worlds", "tune", "confirm", "algorithms", "report")


def main() -> None:
    """Reads the command line and goes through the phases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PHASES, help="one phase (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("runs/study"), help="for the runs")
    parser.add_argument("--results", type=Path, default=Path("results"), help="for the report")
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--tune-builds", type=int, nargs="+", default=[0, 201], help="world seeds")
    parser.add_argument("--confirm-builds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder: Path = arguments.folder
    phases = (arguments.only,) if arguments.only else PHASES

    if "worlds" in phases:
        # A build trains its models in processes of its own, so builds go one after the other.
        for seed in (*arguments.tune_builds, *arguments.confirm_builds):
            build_job(seed, folder, workers=arguments.workers)
    tuning: Path = arguments.results / "tuning.csv"
    if "tune" in phases:
        jobs = tune_jobs(arguments.tune_builds, folder)
        run_all(jobs, arguments.workers, "tune")
        write_tuning(validated(jobs), tuning)
    if "confirm" in phases:
        chosen = choose_settings(read_tuning(tuning))
        jobs = confirm_jobs(chosen, arguments.confirm_builds, folder)
        run_all(jobs, arguments.workers, "confirm")
        # Attacks need the trained RLHF defender of the same build.
        run_all(attack_jobs(jobs, jobs), arguments.workers, "attacks")
    if "algorithms" in phases:
        chosen = choose_settings(read_tuning(tuning))
        jobs = algorithm_jobs(chosen, arguments.confirm_builds, folder)
        run_all(jobs, arguments.workers, "algorithms")
        targets = confirm_jobs(chosen, arguments.confirm_builds, folder)
        run_all(attack_jobs(jobs, targets), arguments.workers, "attacks")
    if "report" in phases:
        tuned = read_tuning(tuning)
        write_report(tuned, arguments.confirm_builds, folder, arguments.results)
        write_algorithms(tuned, arguments.confirm_builds, folder, arguments.results)


def run_all(jobs: list[Job], workers: int, title: str) -> None:
    """Runs what is not finished, each job in a process of its own."""
    todo = [job for job in jobs if not job.path.exists()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_job if job.target is None else attack_job, job) for job in todo]
        for future in tqdm(as_completed(futures), total=len(futures), desc=title):
            future.result()


if __name__ == "__main__":
    main()
