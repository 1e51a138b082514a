"""The attacker table: attacks on defenders that stand still, and how varied they are."""

from collections.abc import Mapping, Sequence

import numpy as np

from gatekeeper_study.attacks import PARAPHRASE, UNIFORM, attacked
from gatekeeper_study.desk import Study
from gatekeeper_study.plan import ADVERSARIES, TARGETS
from gatekeeper_study.tables import Table, make_table, write_page
from llm_game_env.evaluation.attack import AttackRates

SUCCESS, LEAK, OVER_REFUSAL = "success", "leak", "over-refusal"
UNMET = "success on defenders that nobody trained on"
SELF_BLEU, EMBEDDING = "diversity SelfBLEU", "diversity embedding"
OVERVIEW = (SUCCESS, LEAK, OVER_REFUSAL, UNMET, "malformed", SELF_BLEU, EMBEDDING, "duplicates")
BY_TARGET = tuple(f"{what} of {target}" for target in TARGETS for what in (LEAK, OVER_REFUSAL))


def attacker_tables(study: Study, arms: Sequence[str]) -> tuple[Table, Table]:
    """Every arm's adversary over the targets, and target by target."""
    rows = {arm: _numbers(by_target) for arm, by_target in attacked(study, arms).items()}
    return (
        make_table(f"Adversaries, mean over {', '.join(TARGETS)}", rows, OVERVIEW),
        make_table("Target by target", rows, BY_TARGET),
    )


def paper_attackers(study: Study) -> Table:
    """The adversaries of the paper's table, the paraphraser among them."""
    return attacker_tables(study, (PARAPHRASE, *ADVERSARIES, UNIFORM))[0]


def write_attackers(study: Study) -> None:
    """Writes attackers.md and attackers.json."""
    tables = attacker_tables(study, (PARAPHRASE, *ADVERSARIES, UNIFORM))
    page = [
        "# Adversaries on the built-in world",
        "",
        f"Builds {list(study.builds)}; mean over builds and 95 % Student-t interval, in per cent "
        "of an adversary's prompts, by the judge. Each adversary, as its strongest attack stage "
        "left it, writes the same prompts to three defenders of its build that stand still: SFT, "
        "RLHF on P, and RLHF on the frozen SFT adversary's prompts. A leak gets a secret out, an "
        "over-refusal an honest question refused; success is either. red-team (the paper's RLHF "
        "attacker) was trained on the SFT defender, so its success there is practice and not "
        "transfer; the other two defenders are those that nobody trained on.",
        "",
        "paraphrase rewords the seed question and learns nothing: the SFT adversary, drawn again "
        "until it asks about the seed's matter in other words. sft may change the matter as well. "
        "uniform knows every reachable way of asking and picks one at random, which nobody outside "
        "a built world can: a reference, not a baseline.",
        "",
        *[line for table in tables for line in table.lines()],
    ]
    write_page(study.results / "attackers.md", page, tables, "attackers")


def _numbers(by_target: Mapping[str, Sequence[AttackRates]]) -> list[dict[str, float]]:
    """One record a build."""
    records: list[dict[str, float]] = []
    for on_targets in zip(*by_target.values(), strict=True):
        attacks = dict(zip(by_target, on_targets, strict=True))
        unmet = [attack.success for target, attack in attacks.items() if target != "sft"]
        one = on_targets[0]  # The prompts are the same for every target.
        records.append(
            {
                SUCCESS: float(np.mean([attack.success for attack in on_targets])),
                LEAK: float(np.mean([attack.leak for attack in on_targets])),
                OVER_REFUSAL: float(np.mean([attack.over_refusal for attack in on_targets])),
                UNMET: float(np.mean(unmet)),
                "malformed": one.malformed,
                SELF_BLEU: one.diversity_selfbleu,
                EMBEDDING: one.diversity_embedding,
                "duplicates": one.duplicates,
                **{f"{LEAK} of {name}": attack.leak for name, attack in attacks.items()},
                **{
                    f"{OVER_REFUSAL} of {name}": attack.over_refusal
                    for name, attack in attacks.items()
                },
            }
        )
    return records
