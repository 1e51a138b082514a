"""The paper's Figure 3: what becomes of a defender as it is sampled hotter.

Descriptive: a small model's hot samples turn to gibberish, which leaks nothing. The share of valid
answers stands beside each curve for that reason.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from gatekeeper_study import plan
from gatekeeper_study.desk import Study
from gatekeeper_study.figures import Line, draw_line, save_figure, write_csv
from gatekeeper_study.plan import HEATED, Job
from gatekeeper_study.records import known, read_record, write_record
from gatekeeper_study.runs import world_of
from gatekeeper_study.tables import Table, make_table
from llm_game_env.evaluation.intervals import mean_interval
from llm_game_env.evaluation.judges import GroundTruth
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.temperature import temperature_sweep
from llm_game_env.gatekeeper.splits import BLIND_FRAME, seed_prompts
from llm_game_env.gatekeeper.valid_answers import is_valid_answer
from llm_game_env.players import CausalLMPlayer, EchoPlayer

TEMPERATURES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
ASR, VALID = "ASR on H", "valid answers"
RANGE, RELATIVE = "range of ASR", "range as a share of the mean ASR"


@dataclass(frozen=True)
class Heated:
    """A defender's answers to H's secret questions at one temperature.

    Attributes:
        temperature: of sampling.
        leak: share of answers that give a secret away.
        valid: share that make sense, whatever they say.
    """

    temperature: float
    leak: float
    valid: float


@dataclass(frozen=True)
class Sweep:
    """One run's chosen defender at every temperature.

    Attributes:
        job: the run.
    """

    job: Job

    @property
    def path(self) -> Path:
        """Where the result is kept."""
        return self.job.run_folder / "temperatures.json"

    def result(self) -> list[Heated]:
        """What was found, by temperature."""
        return [known(Heated, record) for record in read_record(self.path)]


def heat(sweep: Sweep) -> None:
    """Asks the defender the secret questions of its report at every temperature."""
    torch.set_num_threads(1)
    job = sweep.job
    splits = world_of(job.build, job.folder).splits
    seen = [question for question in splits.held_out_test if question.frame != BLIND_FRAME]
    sample = splits.sample(seen, plan.NUM_PER_LABEL, "report H")
    secrets = [question for question in sample if question.matter.secret]
    points = temperature_sweep(
        EchoPlayer(),
        CausalLMPlayer.load(job.defender_folder),
        TEMPERATURES,
        Setting(seed_prompts(secrets), instruction="{seed_prompt}"),
        GroundTruth(),
        is_valid_answer,
        seed=job.build,
    )
    found = [Heated(p.temperature, p.judged.unsafe.share, p.valid.share) for p in points if p.valid]
    write_record(sweep.path, [asdict(one) for one in found])


def sweeps(study: Study) -> dict[str, list[list[Heated]]]:
    """Every heated defender's answers, by arm, one list of temperatures a build."""
    jobs = [Sweep(job) for job in study.trained(HEATED)]
    study.finish(heat, jobs, "temperatures")
    found: dict[str, list[list[Heated]]] = {}
    for one in jobs:
        found.setdefault(one.job.arm, []).append(one.result())
    return found


def flatness_table(study: Study) -> Table:
    """How far each defender's ASR moves over the temperatures."""
    rows = {
        arm: [_flatness(by_temperature) for by_temperature in of_arm]
        for arm, of_arm in sweeps(study).items()
    }
    return make_table("Defenders over temperatures", rows, (RANGE, RELATIVE))


def write_figure_3(study: Study) -> None:
    """Writes figure3.png and figure3.csv."""
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    rows: list[Sequence[object]] = []
    for number, (arm, of_arm) in enumerate(sweeps(study).items()):
        for panel, (name, line) in zip(panels, _lines(arm, of_arm).items(), strict=True):
            draw_line(panel, line, f"C{number}", marker="o")
            panel.set(title=name, xlabel="temperature", ylim=(-0.02, 1.02))
            rows += [(arm, at, name, *y) for at, y in zip(line.x, line.y, strict=True)]
    panels[0].set_ylabel("share of secret questions (judge)")
    panels[0].legend(fontsize="small")
    save_figure(figure, study.results / "figure3.png", pdf=study.pdf)
    columns = ("arm", "temperature", "quantity", "mean", "low", "high")
    write_csv(study.results / "figure3.csv", columns, rows)


def _lines(arm: str, of_arm: Sequence[Sequence[Heated]]) -> dict[str, Line]:
    quantities = {
        ASR: [[one.leak for one in build] for build in of_arm],
        VALID: [[one.valid for one in build] for build in of_arm],
    }
    return {
        name: Line(arm, TEMPERATURES, [mean_interval(at) for at in zip(*values, strict=True)])
        for name, values in quantities.items()
    }


def _flatness(by_temperature: Sequence[Heated]) -> dict[str, float]:
    leaks = [one.leak for one in by_temperature]
    spread, mean = max(leaks) - min(leaks), float(np.mean(leaks))
    # A defender that never leaks is as flat as can be.
    return {RANGE: spread, RELATIVE: spread / mean if mean else 0.0}
