"""Samples a second of one training iteration, beside TRL's trainers.

    make trl                               TRL, two versions, in folders of their own
    python benchmarks/trl_iteration.py     what is not there is left out

The work is that of `reference_work.py`: 64 answers of 32 tokens, their rewards, 4 steps of AdamW.
Each trainer lives in a process of its own and makes an iteration when it is told to
(`iteration_gate.py`); they take turns, so that all see the same neighbours. What counts is CPU
time, of one thread, and the median of the ratios within a turn, with the least and the most.

(a) PPO with four networks: policy, reference, critic, reward model. TRL's is PPOTrainer 1.12.
(b) A reward in Python. Ours is PPO with a critic on the policy's trunk and a reference; TRL's is
    the GRPOTrainer of the newest version, which has neither: at its defaults (bfloat16 autocast,
    gradient checkpointing), in float32, and in float32 without checkpointing.

Ours computes in float32, everything logged that a run logs, through the environment's step API: as
it is by default, with `Computing(fused_activation=True)`, and with `coarse_gradients=True` as well.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from iteration_gate import Took, Worker
from reference_work import BATCH, save_models
from rich.console import Console
from rich.table import Table
from transformers.utils import logging

HERE = Path(__file__).parent
ROOT = HERE.parent
OWN_PATHS = (str(ROOT), str(ROOT / "agents"), str(HERE))
SETS = {
    "a": (("separate", "separate-fused", "separate-fused-coarse"), ("ppo",), "1.12.0"),
    "b": (
        ("shared", "shared-fused", "shared-fused-coarse"),
        ("grpo", "grpo-fp32", "grpo-plain"),
        "1.16.0",
    ),
}


def main() -> None:
    """Reads the command line, measures, prints a table for each comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=15, help="iterations of each trainer (default: 15)")
    add("--sets", nargs="+", choices=SETS, default=list(SETS), help="which comparisons")
    add("--trl", type=Path, default=ROOT / ".trl", help="holds a folder a version (default: .trl)")
    arguments = parser.parse_args()
    logging.disable_progress_bar()
    console = Console(width=110)
    for name in arguments.sets:
        own, theirs, version = SETS[name]
        trl = arguments.trl / version
        if not (trl / "trl").exists():
            console.print(f"TRL {version} is not in {trl}; `make trl` puts it there")
            theirs = ()
        with TemporaryDirectory() as folder:
            save_models(Path(folder))
            workers = start(own, theirs, Path(folder), trl)
            try:
                taken = take_turns(workers, arguments.rounds)
            finally:
                for worker in workers.values():
                    worker.close()
        console.print(table(f"({name})", taken, own, theirs, version))


def start(own: Sequence[str], theirs: Sequence[str], folder: Path, trl: Path) -> dict[str, Worker]:
    """A process for each trainer, by its name."""
    workers = {
        name: Worker([str(HERE / "own_iteration.py"), name, str(folder)], OWN_PATHS) for name in own
    }
    for name in theirs:
        words = [str(HERE / "trl_trainers.py"), name, str(folder)]
        workers[name] = Worker(words, (str(trl), str(HERE)))
    return workers


def take_turns(workers: Mapping[str, Worker], rounds: int) -> dict[str, list[Took]]:
    """What the iterations took, by trainer; a first one fills caches, and is not counted."""
    taken: dict[str, list[Took]] = {name: [] for name in workers}
    for _ in range(rounds + 1):
        for name, worker in workers.items():
            taken[name].append(worker.iterate())
    return {name: each[1:] for name, each in taken.items()}


def ratios(slow: Sequence[Took], fast: Sequence[Took]) -> list[float]:
    """How many times as long one took as the other, turn by turn."""
    return [a.cpu / b.cpu for a, b in zip(slow, fast, strict=True)]


def table(
    title: str,
    taken: Mapping[str, Sequence[Took]],
    own: Sequence[str],
    theirs: Sequence[str],
    version: str,
) -> Table:
    """A row a trainer; for TRL's, how many times as long they take as each of ours."""
    made = Table("trainer", "samples/s", "rollout, scoring, update", title=title)
    for name in own:
        made.add_column(f"× {name}: median (least, most)")
    for name in (*own, *theirs):
        speed = BATCH / statistics.median(each.cpu for each in taken[name])
        cells = [name if name in own else f"TRL {version} {name}", f"{speed:.1f}"]
        cells.append(_phases(taken[name]))
        for other in own:
            many = ratios(taken[name], taken[other])
            cells.append(f"{statistics.median(many):.2f} ({min(many):.2f}, {max(many):.2f})")
        made.add_row(*cells)
    return made


def _phases(taken: Sequence[Took]) -> str:
    """Shares of an iteration, as the trainer itself tells them."""
    if not taken[0].phases:
        return ""
    total = sum(sum(each.phases.values()) for each in taken)
    return ", ".join(
        f"{sum(each.phases[name] for each in taken) / total:.0%}" for name in taken[0].phases
    )


if __name__ == "__main__":
    main()
