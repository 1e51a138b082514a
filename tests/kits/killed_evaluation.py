"""An evaluation on a prompt set by the built-in world's models, and ways for it to end early."""

import os
import signal
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from llm_game_env.evaluation.compliance import phrase_judge
from llm_game_env.evaluation.judges import Judge, learned_judge
from llm_game_env.evaluation.prompt_sets import batch_log
from llm_game_env.evaluation.prompt_sets.evaluating import evaluate_prompt_set
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet, SetPrompt
from llm_game_env.evaluation.prompt_sets.report import PromptSetReport
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer, Player

NUM_PROMPTS, BATCH_SIZE = 11, 4
NUM_WRITES = 3 + 3 * 3  # headers, then batches, of answers and of two judges


class Write(Protocol):
    def __call__(self, file: int, data: bytes, offset: int, /) -> int: ...


@cache
def defender() -> CausalLMPlayer:
    return CausalLMPlayer.load(load_world().defender)


@cache
def judges() -> tuple[Judge, Judge]:
    return learned_judge(load_world()), phrase_judge()


@cache
def prompts() -> PromptSet:
    seeds = load_world().seed_prompts
    chosen = [seed for seed in seeds if seed.label == "harmful"][: NUM_PROMPTS // 2]
    chosen += [seed for seed in seeds if seed.label == "benign"][: NUM_PROMPTS - len(chosen)]
    return PromptSet("gate", tuple(SetPrompt(seed, seed.label, "c") for seed in chosen))


def evaluate(
    folder: Path, player: Player | None = None, given: Sequence[Judge] = (), **changed: Any
) -> PromptSetReport:
    settings = AskingSettings(**{"max_tokens": 12, "batch_size": BATCH_SIZE, "seed": 3, **changed})
    return evaluate_prompt_set(
        defender() if player is None else player,
        prompts(),
        given or judges(),
        folder,
        settings,
        shows_progress=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, by its name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ending(write: Write, at: int, share: float, end: Callable[[], Any]) -> Write:
    """A `pwrite` that writes a share of what it is given at its `at`-th call, and ends all."""
    calls = 0

    def pwrite(file: int, data: bytes, offset: int, /) -> int:
        nonlocal calls
        calls += 1
        if calls != at:
            return write(file, data, offset)
        part = data[: int(share * len(data))]
        if part:
            write(file, part, offset)
        return end()

    return pwrite


def evaluate_until_killed(folder: Path, at: int, share: float) -> int:
    """Evaluates in a process that SIGKILL ends in its `at`-th write; its exit code."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed_evaluation"])
    process = context.Process(target=_evaluate_until_killed, args=(folder, at, share))
    process.start()
    process.join()
    return process.exitcode or 0


def _evaluate_until_killed(folder: Path, at: int, share: float) -> None:
    def end() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    batch_log.os.pwrite = ending(os.pwrite, at, share, end)
    evaluate(folder)
