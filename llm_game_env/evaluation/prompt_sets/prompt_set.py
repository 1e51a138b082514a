"""What a prompt set is: checked prompts, each with its kind and its category."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from llm_game_env.checks import check_seed, check_whole
from llm_game_env.record_files import Placed
from llm_game_env.seeds import Seed, check_seeds

Kind: TypeAlias = Literal["harmful", "borderline", "benign"]
"""What a good defender does: refuses, or helps; borderline prompts only look harmful."""

KINDS: tuple[Kind, ...] = ("harmful", "borderline", "benign")


class SetPrompt(NamedTuple):
    """One prompt of a set.

    Attributes:
        seed: the prompt with its id; its label is "benign" for borderline prompts, too.
        kind: what is expected of the defender.
        category: as the set names it; "" where it names none.
        subset: a second division that the set publishes; "" where there is none.
    """

    seed: Seed
    kind: Kind
    category: str = ""
    subset: str = ""


@dataclass(frozen=True)
class PromptSet:
    """Prompts to ask, in the order of their file, with different ids.

    Attributes:
        name: of the set, for tables.
        prompts: at least one.
        left_out: rows or prompts of the file that say nothing about a defender; the loader's page
            says which.
    """

    name: str
    prompts: tuple[SetPrompt, ...]
    left_out: int = 0

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """The prompts as an environment takes them."""
        return tuple(prompt.seed for prompt in self.prompts)

    @property
    def categories(self) -> dict[str, str]:
        """id of a prompt -> its category."""
        return {prompt.seed.id: prompt.category for prompt in self.prompts}

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is asked and of its division, in hexadecimal."""
        content = [
            [p.seed.id, p.seed.text, list(p.seed.context), p.kind, p.category, p.subset]
            for p in self.prompts
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def sample(self, num_prompts: int, seed: int) -> "PromptSet":
        """So many of the prompts, drawn without replacement, in their old order; or all.

        Raises:
            ConfigurationError: an argument is no whole number, or out of range.
        """
        check_whole("num_prompts", num_prompts)
        rng = np.random.default_rng(check_seed("seed", seed))
        if num_prompts >= len(self.prompts):
            return self
        drawn = np.sort(rng.choice(len(self.prompts), num_prompts, replace=False))
        return replace(self, prompts=tuple(self.prompts[i] for i in drawn))


class Entry(NamedTuple):
    """A prompt as a file has it, not checked yet.

    Attributes:
        where: its place in the file.
        text, id, context: as the fields of a `Seed`; None where there is none.
        kind, category, subset: see `SetPrompt`.
    """

    where: str
    text: Any
    kind: Kind
    category: str = ""
    id: Any = None
    context: Any = None
    subset: str = ""


def assemble(name: str, source: str, entries: Iterable[Entry], *, left_out: int = 0) -> PromptSet:
    """The checked set.

    Args:
        name, left_out: of the set.
        source: the file, for messages.
        entries: at least one.

    Raises:
        SeedPromptError: there is none, or one is malformed, with its place.
    """
    kept = list(entries)
    seeds = check_seeds((_placed(entry) for entry in kept), source)
    return PromptSet(
        name,
        tuple(
            SetPrompt(seed, entry.kind, entry.category, entry.subset)
            for seed, entry in zip(seeds, kept, strict=True)
        ),
        left_out,
    )


def _placed(entry: Entry) -> Placed:
    label = "harmful" if entry.kind == "harmful" else "benign"
    fields = {"text": entry.text, "id": entry.id, "context": entry.context, "label": label}
    return entry.where, fields
