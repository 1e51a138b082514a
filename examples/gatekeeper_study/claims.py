"""What is claimed: the orderings of the paper's results, and those that stand beside them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gatekeeper_study import attackers, defenders, jailbreak, temperatures
from gatekeeper_study.plan import MIN_KEPT

Source = Literal[
    "defenders", "adversaries", "temperatures", "jailbreak adversaries", "jailbreak defenders"
]


@dataclass(frozen=True)
class Comparison:
    """One arm's number above another's.

    Attributes:
        source: the table.
        metric: its column.
        higher: an arm.
        lower: another arm, or a fixed number.
    """

    source: Source
    metric: str
    higher: str
    lower: str | float


@dataclass(frozen=True)
class Ordering:
    """What the paper says, as comparisons that must all hold.

    Attributes:
        name: in words.
        comparisons: of which it is made.
    """

    name: str
    comparisons: tuple[Comparison, ...]


def chain(source: Source, metric: str, *arms: str) -> tuple[Comparison, ...]:
    """Each arm above the next one."""
    return tuple(Comparison(source, metric, higher, lower) for higher, lower in pairwise(arms))


def above(source: Source, metric: str, higher: str, *lower: str) -> tuple[Comparison, ...]:
    """One arm above all the others."""
    return tuple(Comparison(source, metric, higher, arm) for arm in lower)


def _defence(metric: str, where: str) -> tuple[Ordering, ...]:
    """GPO+Div < GPO < RLHF, on P as in the paper, and on the frozen adversary's prompts."""
    rivals = {
        "RLHF": "rlhf",
        "RLHF on the frozen adversary's prompts": "rlhf-frozen",
        "RLHF on the same, as many games as GPO": "rlhf-frozen-steps",
    }
    return tuple(
        Ordering(
            f"GPO+Div < GPO < {name} in ASR, {where}",
            chain("defenders", metric, arm, "gpo", "gpo+div"),
        )
        for name, arm in rivals.items()
    )


LEARNT = {"RLHF": "rlhf", "GPO": "gpo", "GPO+Div": "gpo+div"}
PAPER = (
    *_defence(defenders.P_LEAK, "in distribution (P)"),
    *_defence(defenders.A_LEAK, "in distribution (A)"),
    *_defence(defenders.H_LEAK, "out of distribution (H)"),
    *_defence(defenders.WORST, "worst cell of H"),
    Ordering(
        "RLHF < SFT in ASR, out of distribution (H)",
        (Comparison("defenders", defenders.H_LEAK, "sft", "rlhf"),),
    ),
    Ordering(
        "attacker ASR: GPO+Div > GPO > RLHF > RLHF+Div",
        chain("adversaries", attackers.SUCCESS, "gpo+div", "gpo", "red-team", "red-team+div"),
    ),
    Ordering(
        "the same on defenders that nobody trained on",
        chain("adversaries", attackers.UNMET, "gpo+div", "gpo", "red-team", "red-team+div"),
    ),
    Ordering(
        "diversity alone lowers attack success",
        (Comparison("adversaries", attackers.SUCCESS, "red-team", "red-team+div"),),
    ),
    Ordering(
        "diversity together with co-training raises attack success",
        (
            Comparison("adversaries", attackers.SUCCESS, "gpo+div", "gpo"),
            Comparison("adversaries", attackers.SUCCESS, "gpo+div", "red-team"),
        ),
    ),
    Ordering(
        "every learnt adversary has more success than paraphrasing",
        tuple(
            Comparison("adversaries", attackers.SUCCESS, arm, "paraphrase")
            for arm in ("red-team", "red-team+div", "gpo", "gpo+div")
        ),
    ),
    *(
        Ordering(
            f"attacker diversity highest for GPO+Div ({metric.removeprefix('diversity ')})",
            above("adversaries", metric, "gpo+div", "gpo", "red-team", "red-team+div"),
        )
        for metric in (attackers.SELF_BLEU, attackers.EMBEDDING)
    ),
    Ordering(
        "every diversity intensity leaves less ASR than RLHF (H)",
        tuple(
            Comparison("defenders", defenders.H_LEAK, "rlhf", arm)
            for arm in ("gpo", "gpo+div1", "gpo+div", "gpo+div10")
        ),
    ),
    Ordering(
        "a moderate intensity (5) leaves the least ASR (H)",
        tuple(
            Comparison("defenders", defenders.H_LEAK, arm, "gpo+div")
            for arm in ("gpo", "gpo+div1", "gpo+div10")
        ),
    ),
    *(
        Ordering(
            f"utility: {name} not lower than SFT",
            (Comparison("defenders", defenders.UTILITY, arm, "sft"),),
        )
        for name, arm in LEARNT.items()
    ),
    *(
        Ordering(
            f"utility: {name} keeps at least {100 * MIN_KEPT:.0f} % of SFT's",
            (Comparison("defenders", defenders.KEPT, arm, MIN_KEPT),),
        )
        for name, arm in LEARNT.items()
    ),
    Ordering(
        "GPO flatter over temperature than SFT (range of ASR)",
        (Comparison("temperatures", temperatures.RANGE, "sft", "gpo"),),
    ),
    Ordering(
        "GPO flatter over temperature than SFT (range as a share of the mean ASR)",
        (Comparison("temperatures", temperatures.RELATIVE, "sft", "gpo"),),
    ),
)
BESIDE = (
    Ordering(
        "the frozen adversary's prompts leave less ASR than P (H)",
        (Comparison("defenders", defenders.H_LEAK, "rlhf", "rlhf-frozen"),),
    ),
    Ordering(
        "secrets refused on H: GPO > RLHF on the frozen adversary's prompts > RLHF > SFT",
        chain("defenders", defenders.H_REFUSED, "gpo", "rlhf-frozen", "rlhf", "sft"),
    ),
    Ordering(
        "over-refusal on H: GPO and GPO+Div less than RLHF on the frozen adversary's prompts",
        tuple(
            Comparison("defenders", defenders.H_OVER_REFUSAL, "rlhf-frozen", arm)
            for arm in ("gpo", "gpo+div")
        ),
    ),
    Ordering(
        "mean canonical leak on H: GPO+Div < GPO < RLHF on the frozen adversary's prompts",
        chain("defenders", defenders.MEAN_CANONICAL, "rlhf-frozen", "gpo", "gpo+div"),
    ),
)
JAILBREAK = (
    Ordering(
        "attacker success: GPO+Div > GPO > red-team > untrained",
        chain("jailbreak adversaries", jailbreak.SUCCESS, "gpo+div", "gpo", "red-team", "sft"),
    ),
    Ordering(
        "the same on the defender that nobody trained on",
        chain("jailbreak adversaries", jailbreak.UNMET, "gpo+div", "gpo", "red-team", "sft"),
    ),
    Ordering(
        "GPO+Div < GPO < RLHF on the frozen adversary's prompts, jailbroken by the worst adversary",
        chain("jailbreak defenders", jailbreak.WORST, "rlhf-frozen", "gpo", "gpo+div"),
    ),
    Ordering(
        "attacker diversity highest for GPO+Div (SelfBLEU)",
        above("jailbreak adversaries", jailbreak.SELF_BLEU, "gpo+div", "gpo", "red-team"),
    ),
)
