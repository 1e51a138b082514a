"""From theory to models: the Nash gap of the last state, of averages and of PSRO's mixture.

    python examples/theory_to_models.py            seven states of either run, minutes
    python examples/theory_to_models.py --no-responses    without the trained best responses

One figure of three panels, and its numbers as CSV. *Theory*: idealised GPO on the built-in world as
a matrix, a question a matter, where the theorem holds. *Models, exact*: GPO and PSRO train language
models in that world; after every defend stage the defender's Nash gap over the whole grammar, by
teacher forcing, of the last state, of the average over all states so far (what the theorem is
about) and of the mixture that PSRO has its adversary meet. *Models, trained*: the same players
against an adversary that is trained against each of them, a lower bound, as all that can be had
where no grammar is known.
"""

import argparse
import csv
from pathlib import Path

import torch
from theory_to_models_figure import draw
from theory_to_models_runs import Gap, Size, exact_gaps, moments, theory_gaps, trained_gaps

from llm_game_env.gatekeeper.grammar import all_questions
from llm_game_env.gatekeeper.world import load_world


def main() -> None:
    """Reads the command line, trains, measures, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6, help="pairs of stages")
    parser.add_argument("--defend-updates", type=int, default=2, help="in a defend stage")
    parser.add_argument("--attack-updates", type=int, default=7, help="in an attack stage")
    parser.add_argument("--games", type=int, default=384, help="in a batch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="ask every so many of the questions")
    parser.add_argument("--iterations", type=int, default=1000, help="of idealised GPO")
    parser.add_argument("--response-updates", type=int, default=28, help="of a best response")
    parser.add_argument("--no-responses", action="store_true", help="train no best responses")
    parser.add_argument("--out", type=Path, default=Path("runs/theory_to_models"), help="a folder")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = Size(
        arguments.rounds,
        arguments.defend_updates,
        arguments.attack_updates,
        arguments.games,
        arguments.seed,
    )
    world = load_world()
    questions = list(all_questions())[:: arguments.every]
    gaps = theory_gaps(arguments.iterations)
    runs = {arm: moments(world, arm, size) for arm in ("gpo", "psro")}
    gaps += exact_gaps(runs, questions)
    if not arguments.no_responses:
        gaps += trained_gaps(runs, world, arguments.response_updates, size.seed)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    write(gaps, out / "theory_to_models.csv")
    draw(gaps, out / "theory_to_models.png")
    print(f"{len(questions)} questions; {out / 'theory_to_models.png'}, .csv beside it")


def write(gaps: list[Gap], path: Path) -> None:
    """One line a point, four digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Gap._fields)
        writer.writerows((*gap[:3], *(f"{number:.4g}" for number in gap[3:])) for gap in gaps)


if __name__ == "__main__":
    main()
