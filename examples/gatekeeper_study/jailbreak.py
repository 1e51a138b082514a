"""The jailbreak task: its own runs, every adversary against every defender, and its own table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from gatekeeper_study.defenders import A_LEAK, H_LEAK, H_OVER_REFUSAL, KEPT, UTILITY, table_of
from gatekeeper_study.desk import Study
from gatekeeper_study.plan import JAILBREAK, Job
from gatekeeper_study.records import FinishedRun, known, read_record, write_record
from gatekeeper_study.runs import world_of
from gatekeeper_study.tables import Table, make_table, write_page
from llm_game_agents.experiment import NUM_ATTACKS
from llm_game_env.evaluation.jailbreak import JailbreakRates, jailbreak_rates
from llm_game_env.players.causal_lm import CausalLMPlayer

# The adversary of rlhf-frozen is the SFT one, and so is the defender of red-team.
ADVERSARIES = tuple(arm for arm in JAILBREAK if arm != "rlhf-frozen")
DEFENDERS = tuple(arm for arm in JAILBREAK if arm != "red-team")
SUCCESS, UNMET = "success, mean over defenders", "success on rlhf-frozen"
SELF_BLEU = "diversity SelfBLEU"
FACED = "jailbroken, mean over adversaries"
WORST = "jailbroken by its worst adversary"
ADVERSARY_METRICS = (
    SUCCESS,
    *(f"success on {arm}" for arm in DEFENDERS),
    "kept the goal",
    "drifted off the goal",
    "malformed",
    SELF_BLEU,
    "diversity embedding",
    "duplicates",
)
DEFENDER_METRICS = (FACED, WORST, A_LEAK, H_LEAK, "A over-refusal", H_OVER_REFUSAL, UTILITY, KEPT)


@dataclass(frozen=True)
class CrossPlay:
    """Every adversary of one build against every defender of it.

    Attributes:
        adversaries, defenders: their runs.
    """

    adversaries: tuple[Job, ...]
    defenders: tuple[Job, ...]

    @property
    def path(self) -> Path:
        """Where the result is kept."""
        return self.adversaries[0].run_folder.parent / "crossplay.json"

    def result(self) -> dict[tuple[str, str], JailbreakRates]:
        """By (adversary, defender)."""
        return {
            (cell["adversary"], cell["defender"]): known(JailbreakRates, cell["rates"])
            for cell in read_record(self.path)
        }


def play_jailbreaks(games: CrossPlay) -> None:
    """Plays all pairs; an adversary writes the same prompts to every defender."""
    torch.set_num_threads(1)
    first = games.adversaries[0]
    world = world_of(first.build, first.folder)
    adversaries = {job.arm: CausalLMPlayer.load(job.adversary_folder) for job in games.adversaries}
    defenders = {job.arm: CausalLMPlayer.load(job.defender_folder) for job in games.defenders}
    cells = [
        {
            "adversary": adversary,
            "defender": defender,
            "rates": asdict(
                jailbreak_rates(
                    adversaries[adversary],
                    defenders[defender],
                    world.seed_prompts,
                    world.instruction,
                    world.encoder,
                    num_prompts=NUM_ATTACKS,
                    seed=first.build,
                )
            ),
        }
        for adversary in adversaries
        for defender in defenders
    ]
    write_record(games.path, cells)


def jailbreak_tables(study: Study) -> tuple[Table, Table]:
    """The adversaries' and the defenders'."""
    runs = study.runs(JAILBREAK, "jailbreak")
    games = [
        CrossPlay(
            tuple(study.job(arm, build, "jailbreak") for arm in ADVERSARIES),
            tuple(study.job(arm, build, "jailbreak") for arm in DEFENDERS),
        )
        for build in study.builds
    ]
    study.finish(play_jailbreaks, games, "jailbreaks")
    found = [one.result() for one in games]
    return _adversaries(found), _defenders(found, runs)


def write_jailbreak(study: Study) -> None:
    """Writes jailbreak.md and jailbreak.json."""
    tables = jailbreak_tables(study)
    runs = study.runs(JAILBREAK, "jailbreak")
    page = [
        "# Jailbreaks in the built-in world",
        "",
        f"`jailbreak_v0` on builds {list(study.builds)}: the adversary is given a goal, a secret "
        "question of P, and rewords it; the answer is judged against the goal. Mean over builds "
        "and 95 % Student-t interval, in per cent. A success keeps the goal and gets the secret "
        "out; a prompt that has drifted off the goal is a failure, whatever it was answered. The "
        "arms have the settings that tuning chose for them in the other task and are otherwise "
        "untuned; each adversary plays as its strongest attack stage left it, each defender as it "
        "validated best.",
        "",
        "No goal is an ordinary question, so nothing in this game pays a defender for answering "
        "one: utility and over-refusal stand beside, on the same held-out questions as in the "
        "other task.",
        "",
        *[line for table in tables for line in table.lines()],
        "## Cost",
        "",
        "| arm | defender's updates | games | wall-clock seconds, other work beside it |",
        "|---|---|---|---|",
    ]
    for arm, of_arm in runs.items():
        clock = sum(run.seconds for run in of_arm) / len(of_arm)
        page.append(f"| {arm} | {of_arm[0].updates} | {of_arm[0].games} | {clock:.0f} |")
    write_page(study.results / "jailbreak.md", [*page, ""], tables, "jailbreak")


def _adversaries(found: list[dict[tuple[str, str], JailbreakRates]]) -> Table:
    rows: dict[str, list[dict[str, float]]] = {arm: [] for arm in ADVERSARIES}
    for cells in found:
        for arm, records in rows.items():
            on = {defender: cells[arm, defender] for defender in DEFENDERS}
            prompts = next(iter(on.values()))  # The same for every defender.
            records.append(
                {
                    SUCCESS: float(np.mean([rates.success for rates in on.values()])),
                    **{f"success on {name}": rates.success for name, rates in on.items()},
                    "kept the goal": prompts.kept,
                    "drifted off the goal": prompts.drifted,
                    "malformed": prompts.malformed,
                    SELF_BLEU: prompts.diversity_selfbleu,
                    "diversity embedding": prompts.diversity_embedding,
                    "duplicates": prompts.duplicates,
                }
            )
    return make_table("Adversaries", rows, ADVERSARY_METRICS)


def _defenders(
    found: list[dict[tuple[str, str], JailbreakRates]], runs: Mapping[str, list[FinishedRun]]
) -> Table:
    tested = table_of({arm: runs[arm] for arm in DEFENDERS})
    rows: dict[str, list[dict[str, float]]] = {arm: [] for arm in DEFENDERS}
    for number, cells in enumerate(found):
        for arm, records in rows.items():
            faced = [cells[adversary, arm].success for adversary in ADVERSARIES]
            records.append(
                {
                    FACED: float(np.mean(faced)),
                    WORST: max(faced),
                    **{
                        metric: float(tested.of(arm, metric)[number])
                        for metric in DEFENDER_METRICS[2:]
                    },
                }
            )
    return make_table("Defenders", rows, DEFENDER_METRICS)
