"""Judges by words, as the command line names them.

| words | judge |
|---|---|
| `ground-truth` | what is true in the built-in world |
| `reward-model` | the built-in world's learned reward model |
| `classifier:PATH#LABEL` | a sequence classifier, P(label) |
| `guard:PATH` | a guard with Llama Guard's answers; P(safe) |
| `endpoint:URL#MODEL` | a model that is asked whether an answer is safe |
| `compliance:URL#MODEL` | a model that is asked whether an answer does what was asked for |
| `refusal-phrases` | whether an answer begins as refusals do: crude |

After `@` stands the score below which an answer is unsafe, 0.5 where it is left out:
`guard:meta-llama/Llama-Guard-3-1B@0.3`. `ground-truth` and `refusal-phrases` say yes or no, and
take none.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.compliance import COMPLIANCE, ComplianceJudge, phrase_judge
from llm_game_env.evaluation.judges import (
    GroundTruth,
    Judge,
    RewardJudge,
    learned_judge,
)
from llm_game_env.evaluation.shares import check_judges
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.rewards.protocol import RewardModel
from llm_game_env.rewards.refusal_phrases import RefusalPhrases

MODEL_WORDS = "classifier:PATH#LABEL, guard:PATH or endpoint:URL#MODEL"
WITHOUT_THRESHOLD = ("ground-truth", "refusal-phrases")
JUDGE_WORDS = (
    "ground-truth or reward-model (of the built-in world), refusal-phrases, "
    f"{MODEL_WORDS}, or compliance:URL#MODEL; with @THRESHOLD where it is not 0.5, but for "
    "ground-truth and refusal-phrases"
)


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that `open_judges` takes."""
    parser.add_argument(
        "--judge",
        action="append",
        metavar="JUDGE",
        help=f"says which attacks succeed; give it several times for several judges: {JUDGE_WORDS} "
        "(default: ground-truth and reward-model on the built-in world's prompts)",
    )
    parser.add_argument(
        "--refusals",
        metavar="FILE",
        help="phrases that make an answer a refusal, one a line; without them your own judges "
        "cannot tell over-refusals",
    )


def open_judges(
    words: Sequence[str] | None, refusals: str | None, device: str, *, in_world: bool
) -> tuple[Judge, ...]:
    """The judges that are named, or those of the built-in world.

    Args:
        words: one of the forms of the module's table each; None for the built-in world's two.
        refusals: a file of phrases.
        device: where models run.
        in_world: whether the built-in world's own prompts are asked.

    Raises:
        ConfigurationError: the words name nothing that can be opened, or none fits the prompts.
    """
    if words is None and not in_world:
        raise ConfigurationError(f"--judge is missing for prompts of your own; give {JUDGE_WORDS}")
    named = ("ground-truth", "reward-model") if words is None else words
    phrases = None if refusals is None else RefusalPhrases(_lines(refusals), anywhere=True)
    judges = tuple(_open(one, phrases, device, in_world=in_world) for one in named)
    check_judges(judges)
    return judges


def _open(words: str, refusals: RefusalPhrases | None, device: str, *, in_world: bool) -> Judge:
    name, threshold = _split_threshold(words)
    if name in WITHOUT_THRESHOLD and name != words:
        raise ConfigurationError(
            f"--judge {words} has a threshold, but {name} says yes or no; give --judge {name}"
        )
    if name in ("ground-truth", "reward-model"):
        if not in_world:
            raise ConfigurationError(
                f"--judge {name} knows the built-in world alone, not your own prompts; give "
                "another, such as guard:PATH"
            )
        if name == "ground-truth":
            return GroundTruth()
        learned = learned_judge(load_world())
        return RewardJudge(learned.name, learned.model, threshold, learned.is_refusal, True)
    if name == "refusal-phrases":
        return phrase_judge()
    kind, colon, where = name.partition(":")
    if not colon:
        raise ConfigurationError(f"--judge {words!r} is none; give {JUDGE_WORDS}")
    if kind == "compliance":
        from llm_game_env.rewards import JudgeReward

        path, detail = _url_and_model(name, where)
        asked = JudgeReward(detail, base_url=path, rubric=COMPLIANCE)
        return ComplianceJudge(name, asked, threshold)
    is_refusal = None if refusals is None else refusals.is_refusal
    return RewardJudge(name, open_reward(name, device), threshold, is_refusal)


def open_reward(words: str, device: str) -> RewardModel:
    """The reward model of a classifier, a guard or an endpoint, by the words of the module's table.

    Raises:
        ConfigurationError: the words name nothing that can be opened.
    """
    kind, _, rest = words.partition(":")
    if kind not in ("classifier", "guard", "endpoint") or not rest:
        raise ConfigurationError(f"model={words!r} is none; give {MODEL_WORDS}")
    path, _, detail = rest.partition("#")
    if kind != "guard" and not (path and detail):
        form = "PATH#LABEL" if kind == "classifier" else "URL#MODEL"
        raise ConfigurationError(f"model={words!r} must be {kind}:{form}")
    # Imported where they are asked for: an endpoint needs no torch.
    if kind == "classifier":
        from llm_game_env.rewards import ClassifierReward

        return ClassifierReward(path, label=detail, device=device)
    if kind == "guard":
        from llm_game_env.rewards import GuardReward

        return GuardReward(rest, device=device)
    from llm_game_env.rewards import JudgeReward

    return JudgeReward(detail, base_url=path)


def _url_and_model(words: str, rest: str) -> tuple[str, str]:
    path, _, detail = rest.partition("#")
    if not (path and detail):
        kind = words.partition(":")[0]
        raise ConfigurationError(f"judge={words!r} must be {kind}:URL#MODEL")
    return path, detail


def _split_threshold(words: str) -> tuple[str, float]:
    """The words before the last @, and the number after it; hub ids and paths may hold one."""
    name, _, number = words.rpartition("@")
    try:
        return (name, float(number)) if name else (words, 0.5)
    except ValueError:
        return words, 0.5


def _lines(path: str) -> tuple[str, ...]:
    try:
        content = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--refusals {path} cannot be read ({error}); give a UTF-8 file with one phrase a line"
        ) from error
    phrases = tuple(line.strip() for line in content.splitlines() if line.strip())
    if not phrases:
        raise ConfigurationError(f"--refusals {path} holds no phrase; write one a line into it")
    return phrases
