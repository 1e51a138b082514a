"""What a run on one's own models would need of the device's memory, before anything is loaded."""

from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from llm_game_agents.main_job.own_setup import (
    adapters,
    computing,
    critic_of,
    knobs,
    require,
    stages,
)
from llm_game_agents.main_job.request import Request
from llm_game_agents.memory.free import SPARE, free_bytes
from llm_game_agents.memory.plan import Lengths, MemoryPlan, plan_memory
from llm_game_agents.memory.weightless import Weightless
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.preflight import check_contexts, longest_conversations
from llm_game_agents.processes import Processes
from llm_game_env import red_team_v0
from llm_game_env.rewards import FunctionReward
from llm_game_env.rewards.classifier import BATCH_SIZE

DOES_NOT_FIT = 1
"""Exit status where a run is known not to fit."""


def run(request: Request, processes: Processes) -> int:
    """Prints the plan, and what would make it fit; exit status."""
    require(request.flags)
    if not processes.is_main:
        return 0
    plan = plan_of(request)
    show(plan, request.flags.device)
    if plan.fits:
        return 0
    for words, changed in remedies(request):
        smaller = plan_of(changed)
        verdict = "fits" if smaller.fits else "does not fit yet"
        print(f"with {words}: {_gib(smaller.total)} GiB, {verdict}")
        if smaller.fits:
            break
    return DOES_NOT_FIT


def plan_of(request: Request) -> MemoryPlan:
    """The plan of a run.

    Raises:
        ConfigurationError: a configuration, a tokenizer or the seed prompts cannot be read, or a
            seed prompt leaves no room in a model's context.
    """
    flags, mode = request.flags, Weightless()
    how = computing(flags)
    policies: dict[str, LanguagePolicy] = {}
    for agent, path in (("adversary", flags.adversary), ("defender", flags.defender)):
        critic = critic_of(request, agent)
        policies[f"{agent}_0"] = (
            mode.adapter(path, flags.temperature, how, critic=critic, **adapters(flags))
            if flags.lora_rank
            else mode.policy(path, flags.temperature, how, critic=critic)
        )
    config = knobs(request)
    env = red_team_v0.vector_env(
        flags.games,
        seed_prompts=flags.seed_prompts,
        reward_model=FunctionReward(lambda exchanges: [0.0] * len(exchanges), best=1.0),
        instruction=flags.instruction or None,
    )
    check_contexts(env, policies["adversary_0"], policies["defender_0"], config)
    longest = longest_conversations(env, policies["adversary_0"], policies["defender_0"], config)
    reward_model = mode.classifier(flags.reward_model, how.frozen_dtype)
    free = free_bytes(flags.device)
    with mode:
        return plan_memory(
            policies,
            reward_model,
            config,
            stages=list(stages(flags)),
            games=flags.games,
            scored_at_once=BATCH_SIZE,
            lengths={
                agent: Lengths(longest[agent], tokens)
                for agent, tokens in config.max_tokens.items()
            },
            free=free,
        )


def show(plan: MemoryPlan, device: str) -> None:
    """The plan as a table, in GiB."""
    table = Table("part", "when", "GiB", title=f"memory on {device}")
    for part in plan.parts:
        table.add_row(part.name, part.when, _gib(part.size))
    table.add_section()
    table.add_row("at the highest point", "", _gib(plan.total))
    if plan.free is not None:
        table.add_row("free", "", _gib(plan.free))
    Console().print(table)
    if plan.free is None:
        print(f"{device} does not say how much is free")
    else:
        print("it fits" if plan.fits else f"it does not fit into {SPARE:.0%} of what is free")


def remedies(request: Request) -> Iterator[tuple[str, Request]]:
    """Changes to a run, each with those before it, by what they cost a user."""
    words: list[str] = []
    learning = request.learning
    auto = learning._replace(
        defender=replace(learning.defender, micro_batch_size="auto"),
        adversary=replace(learning.adversary, micro_batch_size="auto"),
    )
    request = request._replace(learning=auto)
    words.append("--defender-micro-batch-size auto --adversary-micro-batch-size auto")
    yield " ".join(words), request
    changes = (
        ("--gradient-checkpointing", {"gradient_checkpointing": True, "compile": False}),
        ("--precision bf16", {"precision": "bf16"}),
        ("--lora-rank 16", {"lora_rank": request.flags.lora_rank or 16, "device_map": ""}),
        (f"--games {-(-request.flags.games // 4)}", {"games": -(-request.flags.games // 4)}),
    )
    for flag, values in changes:
        flags = replace(request.flags, **values)
        if flags != request.flags:
            request = request._replace(flags=flags)
            words.append(flag)
            yield " ".join(words), request


def _gib(size: int) -> str:
    return f"{size / 2**30:.3f}"
