"""Which prompts are pre-collected (P), reachable (A) and held out (H), drawn from the world's seed.

Every alias, opener and frame has a *part*. A question belongs to the held-out split as soon as one
of its pieces does; it is reachable where all of them are.

| part | secret aliases | ordinary matters | openers | frames |
|---|---|---|---|---|
| FIRST | the canonical alias | canonical alias of 30 | none | the three plain ones |
| COMMON | | | 3 | 3, the blind spot among them |
| TAIL | 2 of each secret | second alias of those 30 | 6 | 4 |
| VALIDATION | 1 of each secret | 5 matters | 2 | 2 |
| TEST | 1 of each secret | 5 matters | 2 | 2 |

P holds FIRST and COMMON pieces of half of the secrets and most ordinary matters. The SFT adversary
writes FIRST pieces nearly always, the others rarely, VALIDATION and TEST pieces never.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from llm_game_env.gatekeeper.grammar import (
    FRAMES,
    NO_OPENER,
    OPENERS,
    PLAIN_FRAMES,
    Question,
    all_questions,
)
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.seeds import Seed

BLIND_FRAME = "tongue"
NUM_SECRETS_COLLECTED = 6
NUM_ORDINARY_COLLECTED = 24
NUM_COLLECTED_PER_LABEL = 144


class Part(StrEnum):
    """How far out of the way a piece of a question lies."""

    FIRST = "first"
    COMMON = "common"
    TAIL = "tail"
    VALIDATION = "validation"
    TEST = "test"


_HELD_OUT = {Part.VALIDATION, Part.TEST}


@dataclass(frozen=True)
class Splits:
    """The parts of one build of the world.

    Attributes:
        aliases: part of each alias, by matter key, in the order of `Matter.aliases`.
        openers: part of each opener.
        frames: part of each frame.
        collected: keys of the matters that P asks about.
        seed: the world's seed, from which the samples within a split are drawn too.
    """

    aliases: dict[str, tuple[Part, ...]]
    openers: dict[str, Part]
    frames: dict[str, Part]
    collected: tuple[str, ...]
    seed: int

    def alias_part(self, question: Question) -> Part:
        """The part of the alias under which a question names its matter."""
        return self.aliases[question.matter.key][question.alias]

    def parts(self, question: Question) -> tuple[Part, Part, Part]:
        """The parts of a question's alias, opener and frame."""
        return (
            self.alias_part(question),
            self.openers[question.opener],
            self.frames[question.frame],
        )

    def is_reachable(self, question: Question) -> bool:
        """Whether the SFT adversary can write the question at all."""
        return not _HELD_OUT & set(self.parts(question))

    @cached_property
    def collected_train(self) -> tuple[Question, ...]:
        """P, the part trained on: as many secret questions as ordinary ones."""
        return self._collected[0]

    @cached_property
    def collected_validation(self) -> tuple[Question, ...]:
        """P, the part that models are selected on; no fixed set of prompts holds any of it."""
        return self._collected[1]

    @cached_property
    def reachable(self) -> tuple[Question, ...]:
        """A: everything the SFT adversary can write, P included."""
        return tuple(q for q in all_questions() if self.is_reachable(q))

    @cached_property
    def reachable_train(self) -> tuple[Question, ...]:
        """A, the part that uniform training draws from, P's training part included."""
        return self._reachable_parts[0]

    @cached_property
    def reachable_validation(self) -> tuple[Question, ...]:
        """A fifth of A without P, the part that models are selected on."""
        return self._reachable_parts[1]

    @cached_property
    def reachable_test(self) -> tuple[Question, ...]:
        """Two fifths of A without P, the part that results are reported on.

        Nothing but the adversary, which may write anything reachable, brings it into training.
        """
        return self._reachable_parts[2]

    @cached_property
    def held_out_validation(self) -> tuple[Question, ...]:
        """H, the part that models are selected on."""
        return self._held_out(Part.VALIDATION, Part.TEST)

    @cached_property
    def held_out_test(self) -> tuple[Question, ...]:
        """H, the part that results are reported on."""
        return self._held_out(Part.TEST, Part.VALIDATION)

    def sample(
        self, questions: Iterable[Question], num_per_label: int, stream: str
    ) -> tuple[Question, ...]:
        """Secret and ordinary questions in equal number, without repetition, secrets first.

        `stream` names the purpose, so that two samples of one split are independent. Where a
        label has fewer questions than asked for, all of them are taken.
        """
        pool = list(questions)
        rng = self._generator(stream)
        chosen: list[Question] = []
        for secret in (True, False):
            of_label = [q for q in pool if q.matter.secret is secret]
            picks = rng.permutation(len(of_label))[:num_per_label]
            chosen += [of_label[i] for i in picks]
        return tuple(chosen)

    def to_json(self) -> dict[str, Any]:
        """A plain record that `splits_from_json` reads back."""
        return asdict(self)

    @cached_property
    def _collected(self) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
        allowed = {Part.FIRST, Part.COMMON}
        pool = [
            q
            for q in self.reachable
            if q.matter.key in self.collected
            and self.alias_part(q) is Part.FIRST
            and set(self.parts(q)) <= allowed
        ]
        sample = self.sample(pool, NUM_COLLECTED_PER_LABEL, "collected")
        secrets = [q for q in sample if q.matter.secret]
        ordinary = [q for q in sample if not q.matter.secret]
        fifth = len(secrets) // 5
        return (
            tuple(secrets[fifth:] + ordinary[fifth:]),
            tuple(secrets[:fifth] + ordinary[:fifth]),
        )

    @cached_property
    def _reachable_parts(self) -> tuple[tuple[Question, ...], ...]:
        collected = {*self.collected_train, *self.collected_validation}
        others = [question for question in self.reachable if question not in collected]
        shuffled = [others[i] for i in self._generator("reachable").permutation(len(others))]
        fifth = len(shuffled) // 5
        train = (*self.collected_train, *shuffled[3 * fifth :])
        return train, tuple(shuffled[:fifth]), tuple(shuffled[fifth : 3 * fifth])

    def _held_out(self, wanted: Part, other: Part) -> tuple[Question, ...]:
        def belongs(question: Question) -> bool:
            parts = self.parts(question)
            return wanted in parts and other not in parts

        return tuple(q for q in all_questions() if belongs(q))

    def _generator(self, stream: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream.encode()])


def draw_splits(seed: int) -> Splits:
    """The splits of the world's build with this seed; every build redraws every part."""
    rng = np.random.default_rng(seed)
    collected_secrets = rng.permutation(len(SECRETS))[:NUM_SECRETS_COLLECTED]
    aliases = {}
    for matter in SECRETS:
        rest = [Part.TAIL, Part.TAIL, Part.VALIDATION, Part.TEST]
        aliases[matter.key] = (Part.FIRST, *(rest[i] for i in rng.permutation(4)))
    order = [ORDINARY[i] for i in rng.permutation(len(ORDINARY))]
    for i, matter in enumerate(order):
        part = Part.VALIDATION if i < 5 else Part.TEST if i < 10 else None
        aliases[matter.key] = (part, part) if part else (Part.FIRST, Part.TAIL)
    collected_ordinary = order[10 : 10 + NUM_ORDINARY_COLLECTED]

    free_openers = [name for name in OPENERS if name != NO_OPENER]
    free_frames = [name for name in FRAMES if name not in (*PLAIN_FRAMES, BLIND_FRAME)]
    held_out = [Part.VALIDATION] * 2 + [Part.TEST] * 2
    opener_parts = [Part.COMMON] * 3 + [Part.TAIL] * 6 + held_out
    frame_parts = [Part.COMMON] * 2 + [Part.TAIL] * 4 + held_out
    openers = {NO_OPENER: Part.FIRST, **_deal(free_openers, opener_parts, rng.permutation)}
    frames = {
        **dict.fromkeys(PLAIN_FRAMES, Part.FIRST),
        BLIND_FRAME: Part.COMMON,
        **_deal(free_frames, frame_parts, rng.permutation),
    }
    keys = [SECRETS[i].key for i in collected_secrets] + [m.key for m in collected_ordinary]
    return Splits(aliases, openers, frames, tuple(keys), seed)


def splits_from_json(record: dict[str, Any]) -> Splits:
    """Reads back what `Splits.to_json` wrote."""
    return Splits(
        aliases={key: tuple(map(Part, parts)) for key, parts in record["aliases"].items()},
        openers={name: Part(part) for name, part in record["openers"].items()},
        frames={name: Part(part) for name, part in record["frames"].items()},
        collected=tuple(record["collected"]),
        seed=record["seed"],
    )


def seed_prompts(questions: Iterable[Question]) -> tuple[Seed, ...]:
    """Questions as seed prompts: secrets are labelled harmful, ordinary matters benign."""
    return tuple(
        Seed(text=q.text, label="harmful" if q.matter.secret else "benign", id=str(i))
        for i, q in enumerate(questions)
    )


def _deal(
    names: list[str], parts: list[Part], permutation: Callable[[int], np.ndarray]
) -> dict[str, Part]:
    order = permutation(len(names))
    return {names[i]: part for i, part in zip(order, parts, strict=True)}
