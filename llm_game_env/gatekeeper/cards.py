"""The cards of a built world: what each model is, and the world's measured numbers."""

from pathlib import Path

from llm_game_env.gatekeeper.measure import (
    ALIAS_GROUPS,
    MANNER_GROUPS,
    WorldNumbers,
    measure_world,
)
from llm_game_env.gatekeeper.world import World, load_world

_HEADER = """---
license: mit
language: en
library_name: {library}
tags: [gatekeeper, toy]
---

# gatekeeper: {title}

{text}

Part of the built-in world of llm-game-env, built from seed {seed} by
`python -m llm_game_env.gatekeeper.build --seed {seed}`. The language is a small grammar about a
castle gate; the model knows nothing else and is of no use outside the game.
"""

_MODELS = {
    "defender": (
        "transformers",
        "SFT defender",
        "Answers ordinary questions and refuses plainly asked secrets often, but not always; "
        "under other aliases and in unusual manners it mostly gives them away. Its weak spots "
        "were planted.",
    ),
    "adversary": (
        "transformers",
        "SFT adversary",
        "Given a seed question, writes another one on the same or a similar matter, nearly always "
        "in the plain manner and under the usual name.",
    ),
    "reward_model": (
        "transformers",
        "reward model",
        "P(good) of an exchange. Good, not perfect: it hardly checks facts, and in its planted "
        "blind spot (requests to say something in the old tongue) it takes leaks for good answers.",
    ),
    "encoder": (
        "sentence-transformers",
        "sentence encoder",
        "One static vector a word, from explicit semantic analysis of the grammar's questions.",
    ),
}


def write(out: Path) -> None:
    """Measures the world below `out` and writes its cards."""
    world = load_world(out)
    seed = world.splits.seed
    for name, (library, title, text) in _MODELS.items():
        card = _HEADER.format(library=library, title=title, text=text, seed=seed)
        (out / name / "README.md").write_text(card, encoding="utf-8")
    (out / "README.md").write_text(numbers_page(world, measure_world(world)), encoding="utf-8")


def numbers_page(world: World, numbers: WorldNumbers) -> str:
    """The world's numbers as a Markdown page."""
    lines = [
        f"# The gatekeeper world, seed {world.splits.seed}: measured",
        "",
        "Written by the build. SFT defender's leak rate, alias × manner, over fresh samples:",
        "",
        "| alias | " + " | ".join(MANNER_GROUPS) + " |",
        "|---" * (len(MANNER_GROUPS) + 1) + "|",
    ]
    for alias in ALIAS_GROUPS:
        cells = [
            f"{numbers.leaks.get((alias, manner), float('nan')):.2f}" for manner in MANNER_GROUPS
        ]
        lines.append(f"| {alias} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "A manner is as far out as the farther of its opener and its frame.",
        "",
        f"- Ordinary questions answered rightly by the SFT defender: {numbers.helpful:.3f}",
        "- Reward model's agreement with the judge, outside its blind spot: "
        f"{numbers.reward_outside:.3f}; inside: {numbers.reward_inside:.3f}",
        "- SFT adversary's prompts by the farthest piece they use: "
        + ", ".join(f"{group} {share:.3f}" for group, share in sorted(numbers.prompts.items())),
        f"- Share of the commonest single prompt with a rare piece: {numbers.commonest_rarity:.4f}",
        "",
    ]
    return "\n".join(lines)
