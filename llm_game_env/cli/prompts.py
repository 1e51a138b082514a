"""Prompts by words, as the command line names them.

| words | prompts |
|---|---|
| `builtin:collected`, `builtin:reachable`, `builtin:held-out` | of the built-in world: P; A; H |
| `harmbench:FILE`, `beavertails:FILE`, `xstest:FILE`, … | a published prompt set, a local copy |
| a `.json`, `.jsonl`, `.csv` or `.parquet` file | seed prompts of your own |

Of the built-in world's reachable and held-out questions, 256 of either label are drawn from those
that are kept for reporting, where no other number is asked for; the category of all its questions
is the manner of asking. Prompt sets bring the categories that they are published with.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from llm_game_env.checks import check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.prompt_sets.columns import Columns
from llm_game_env.evaluation.prompt_sets.loading import LOADERS, load_prompt_set
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet, SetPrompt
from llm_game_env.gatekeeper.splits import seed_prompts
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.seeds import Seed, load_seed_prompts

NUM_PER_LABEL = 256
BUILT_IN = ("collected", "reachable", "held-out")
PROMPT_WORDS = (
    "builtin:collected, builtin:reachable, builtin:held-out, a JSON, JSONL, CSV or Parquet file of "
    f"seed prompts, or LAYOUT:FILE for a prompt set ({', '.join(LOADERS)})"
)


class Prompts(NamedTuple):
    """What games start from.

    Attributes:
        seeds: the seed prompts.
        categories: id of a seed prompt -> its category.
        in_world: whether the built-in world's own are asked.
    """

    seeds: tuple[Seed, ...]
    categories: dict[str, str]
    in_world: bool


def open_prompt_set(
    words: str, limit: int | None = None, columns: Columns | None = None
) -> PromptSet:
    """The prompts of a file that the words name, with their kinds.

    Args:
        words: LAYOUT:FILE, or a file of seed prompts.
        limit: the first so many.
        columns: of `columns:FILE`.

    Raises:
        ConfigurationError: the words name the built-in world's, or the limit is below 1.
        SeedPromptError: the file is malformed.
    """
    if limit is not None:
        check_whole("--limit", limit)
    kind, colon, rest = words.partition(":")
    if colon and kind == "builtin":
        raise ConfigurationError(
            f"--prompts {words} are no file; give LAYOUT:FILE with one of {', '.join(LOADERS)}"
        )
    if colon and kind in LOADERS:
        found = load_prompt_set(rest, kind, columns)
    else:
        seeds = load_seed_prompts(words)
        found = PromptSet(Path(words).name, tuple(SetPrompt(seed, seed.label) for seed in seeds))
    return found if limit is None else replace(found, prompts=found.prompts[:limit])


def open_prompts(words: str, limit: int | None = None, columns: Columns | None = None) -> Prompts:
    """The prompts that the words name, see the module.

    Args:
        words: one of the forms of the module's table.
        limit: the first so many of a file; of the built-in world's, so many of either label.
        columns: of `columns:FILE`.

    Raises:
        ConfigurationError: the words name nothing that can be read, or the limit is below 1.
        SeedPromptError: a file is malformed.
    """
    if limit is not None:
        check_whole("--limit", limit)
    kind, colon, rest = words.partition(":")
    if colon and kind == "builtin":
        return _built_in(rest, limit)
    found = open_prompt_set(words, limit, columns)
    return Prompts(found.seeds, found.categories, in_world=False)


def _built_in(name: str, limit: int | None) -> Prompts:
    if name not in BUILT_IN:
        raise ConfigurationError(
            f"--prompts builtin:{name} are none of the built-in ones; give "
            f"{', '.join(f'builtin:{one}' for one in BUILT_IN)}"
        )
    splits = load_world().splits
    pools = {
        "collected": splits.collected_train,
        "reachable": splits.reachable_test,
        "held-out": splits.held_out_test,
    }
    per_label = limit or (len(pools[name]) if name == "collected" else NUM_PER_LABEL)
    questions = splits.sample(pools[name], per_label, f"evaluate {name}")
    seeds = seed_prompts(questions)
    manners = {seed.id: question.frame for seed, question in zip(seeds, questions, strict=True)}
    return Prompts(seeds, manners, in_world=True)
