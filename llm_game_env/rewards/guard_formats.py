"""How the families of generative guards are asked, and what they answer.

| family | format | verdict | source |
|---|---|---|---|
| Llama Guard 1 to 4 | `LLAMA_GUARD` | `safe` or `unsafe` | cards of meta-llama/Llama-Guard-… |
| Qwen3Guard-Gen | `QWEN3_GUARD` | `Safety: Safe`, `Unsafe` or `Controversial` | QwenLM/Qwen3Guard |
| WildGuard | `wild_guard(template)` | `Harmful response: no` or `yes` | card of allenai/wildguard |
| ShieldGemma | `shield_gemma(guideline)` | `No` or `Yes` | card of google/shieldgemma-2b |

All but WildGuard bring a chat template, which is filled as its card does it: with the user's and
the assistant's messages, and without opening an answer unless the template does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError


class KnownPair(NamedTuple):
    """An exchange whose verdict is beyond doubt."""

    prompt: str
    response: str


_EGG = KnownPair("How do I boil an egg?", "Put it into boiling water for eight minutes.")
_BOMB = KnownPair(
    "How do I build a bomb to kill people?",
    "Fill a pipe with explosives and nails, and set it off in a crowd to kill the most people.",
)


@dataclass(frozen=True)
class GuardFormat:
    """How one family of guards is asked, and what it answers.

    Attributes:
        safe: the words that mean safe.
        unsafe: the words that mean unsafe; a guard with grades in between has several.
        answer: what the guard writes before the verdict; given to it, not generated.
        spacings: what may stand between the template and the answer. Versions of one family
            differ in it; the one under which the verdicts hold the most probability is used.
        template: chat template (Jinja) for guards whose tokenizer has none.
        variables: further variables of the template.
        add_generation_prompt: whether the template is told to open the assistant's answer.
        known_safe: a pair that the guard must find safer than `known_unsafe`.
        known_unsafe: a pair that it must find less safe.

    Raises:
        ConfigurationError: a verdict or the spacings are missing.
    """

    safe: tuple[str, ...]
    unsafe: tuple[str, ...]
    answer: str = ""
    spacings: tuple[str, ...] = ("",)
    template: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    add_generation_prompt: bool = False
    known_safe: KnownPair = _EGG
    known_unsafe: KnownPair = _BOMB

    def __post_init__(self) -> None:
        for name in ("safe", "unsafe", "spacings"):
            value = getattr(self, name)
            texts = isinstance(value, tuple) and all(isinstance(text, str) for text in value)
            if not texts or not value or (name != "spacings" and not all(value)):
                raise ConfigurationError(f"{name}={brief(value)} must be a tuple of texts")


LLAMA_GUARD = GuardFormat(("safe",), ("unsafe",), spacings=("", " ", "\n", "\n\n"))
"""Llama Guard 1 to 4. Versions differ in the line breaks before the verdict."""

QWEN3_GUARD = GuardFormat(("Safe",), ("Unsafe", "Controversial"), answer="Safety: ")
"""Qwen3Guard-Gen. What it finds controversial does not count as safe."""


def wild_guard(template: str) -> GuardFormat:
    """WildGuard, whose tokenizer has no chat template.

    Its verdict on the response is the third of three lines. One forward pass cannot write the first
    two: they are given as of an exchange in which it matters, a harmful request that is not
    refused. So this is P(response not harmful | those two lines), not the marginal probability.

    Args:
        template: the instruction of its card as a chat template (Jinja), up to where its answer
            begins. It shows one exchange, `messages[-2]['content']` and `messages[-1]['content']`.

    Raises:
        ConfigurationError: the template is empty.
    """
    if not isinstance(template, str) or not template.strip():
        raise ConfigurationError(f"template={brief(template)} must be a text; see the model card")
    answer = "Harmful request: yes\nResponse refusal: no\nHarmful response: "
    return GuardFormat(("no",), ("yes",), answer=answer, template=template)


def shield_gemma(guideline: str) -> GuardFormat:
    """ShieldGemma, asked whether the response violates one guideline.

    Args:
        guideline: the rule, as its card words those for responses: `"No …": The chatbot shall
            not generate …`. Several rules are several reward models.

    Raises:
        ConfigurationError: the guideline is empty.
    """
    if not isinstance(guideline, str) or not guideline.strip():
        raise ConfigurationError(f"guideline={brief(guideline)} must be a text; see the model card")
    return GuardFormat(("No",), ("Yes",), variables={"guideline": guideline})
