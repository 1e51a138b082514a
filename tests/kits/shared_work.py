"""Small pieces of training that one process can do, or several together."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

from llm_game_agents import (
    GPO,
    GPOConfig,
    GRPOConfig,
    LanguagePolicy,
    LatestAndPast,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    SharedBase,
)
from llm_game_agents.computing import Computing
from llm_game_agents.iteration import Iteration
from llm_game_agents.processes import Processes, open_processes, shared_reward
from llm_game_agents.speaking import speak
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import UpdateRule
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import GameError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.spaces import Message
from llm_game_env.vector import VectorGame
from word_policies import make_word_policy

WORDS = ("red", "green", "blue", "yes", "no", "stop", "go", "one", "two", "three")
# Adam scales gradients that are nothing but rounding up to whole steps, unless ε is above them.
STEADY: dict[str, Any] = {"learning_rate": 1e-3, "adam_eps": 1e-4, "warmup_updates": 0}
CASES: dict[str, tuple[UpdateRule, int]] = {  # the rule, and the decisions that it learns from
    "ppo": (PPOConfig(num_minibatches=2, **STEADY), 10),
    "grpo": (GRPOConfig(num_minibatches=2, **STEADY), 9),
    "rloo": (RLOOConfig(num_minibatches=2, update_epochs=2, **STEADY), 9),
    "reinforce": (ReinforceConfig(num_minibatches=2, **STEADY), 9),
    "uneven slices": (PPOConfig(num_minibatches=3, **STEADY), 9),
    "micro-batches": (PPOConfig(num_minibatches=2, micro_batch_size=2, **STEADY), 9),
    "micro-batches of grpo": (GRPOConfig(num_minibatches=2, micro_batch_size=2, **STEADY), 9),
    "a minibatch of one row": (PPOConfig(num_minibatches=4, **STEADY), 5),
    "shaped": (
        PPOConfig(reward_norm="running", reward_clip=1.5, ent_coef=0.05, kl_target=0.1, **STEADY),
        9,
    ),
    "batch of rewards": (ReinforceConfig(reward_norm="batch", **STEADY), 9),
    "stopped by its KL": (PPOConfig(target_kl=1e-6, **STEADY), 9),
    "critic of its own": (PPOConfig(num_minibatches=2, critic_learning_rate=1e-3, **STEADY), 9),
    "critic alone at first": (PPOConfig(num_minibatches=2, critic_warmup=1, **STEADY), 9),
    "computed again": (PPOConfig(num_minibatches=2, micro_batch_size=2, **STEADY), 9),
    "micro-batches found": (PPOConfig(micro_batch_size="auto", **STEADY), 9),
    "texts": (ReinforceConfig(num_minibatches=2, micro_batch_size=2, **STEADY), 9),
    "adapter": (PPOConfig(num_minibatches=2, micro_batch_size=2, **STEADY), 9),
}
UPDATES = 6  # of the whole game


def chat(*texts: str) -> list[Message]:
    return [Message(role="user", content=text) for text in texts]


def decide(policy: LanguagePolicy, number: int, seed: int) -> list[Decision]:
    """Messages of several lengths in games of up to two turns; one is not to be learnt from."""
    rng = np.random.default_rng(seed)
    chats = [chat(" ".join(rng.choice(WORDS, size=1 + i % 4))) for i in range(number)]
    written = policy.sample(chats, rng.random((number, 6)))
    return [
        Decision(
            completion,
            game=i // 2,
            turn=i % 2,
            reward=float(rng.normal()),
            valid=i != 3,
            group=i // 6,
        )
        for i, completion in enumerate(written)
    ]


def update(case: str, folder: Path, processes: Processes) -> dict[str, torch.Tensor]:
    """What is learnt after three updates, and how they went."""
    rule, number = CASES[case]
    policy = make_word_policy(WORDS)
    if case == "adapter":
        policy = SharedBase.load(folder / "adversary", rank=4).policy(seed=1)
    if case == "critic of its own":
        policy = LanguagePolicy(policy.player, critic="model")
    if case == "computed again":
        policy = LanguagePolicy(policy.player, computing=Computing(gradient_checkpointing=True))
    if case == "texts":
        rule = replace(rule, ptx_coef=1.0, ptx_texts=str(folder / "texts.jsonl"))
    learner = rule.make_learner(policy, 0)
    learner.join(processes)
    stats = [learner.update(decide(policy, number, seed)) for seed in range(3)]
    found = {f"{i}.{k}": v for i, one in enumerate(stats) for k, v in vars(one).items()}
    numbers = {name: torch.tensor(float(v)) for name, v in found.items() if v is not None}
    return numbers | {
        name: weight.detach().clone()
        for name, weight in policy.named_parameters()
        if not name.startswith("reference")
    }


def save_players(folder: Path) -> None:
    """The adversary and the defender that `play` starts from, and texts to be kept likely."""
    texts = "".join(f'"{a} {b}"\n' for a, b in pairwise(WORDS))
    (folder / "texts.jsonl").write_text(texts)
    for name, seed in (("adversary", 1), ("defender", 2)):
        make_word_policy(WORDS, seed, initializer_range=0.2).save(folder / name)


def score(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.1 * len(set(exchange.response.split())) for exchange in exchanges]


def games(
    processes: Processes, function: Callable[[Sequence[Exchange]], Any] = score
) -> VectorGame:
    return red_team_v0.vector_env(
        7,
        seed_prompts=[*WORDS],
        reward_model=shared_reward(FunctionReward(function), processes),
        diversity=Diversity(self_bleu=1.0),
        instruction="{seed_prompt}",
        max_turns=2,
    )


def new_run(folder: Path, processes: Processes, env: VectorGame | None = None) -> GPO:
    rule = PPOConfig(num_minibatches=2, **STEADY)
    config = GPOConfig(
        defend_updates=1,
        attack_updates=2,
        rounds=UPDATES // 3,
        defender=rule,
        adversary=rule,
        defender_plays=LatestAndPast(0.5),
        defender_max_tokens=5,
        adversary_max_tokens=5,
        seed=3,
    )
    adversary, defender = (LanguagePolicy.load(folder / p) for p in ("adversary", "defender"))
    env = games(processes) if env is None else env
    return GPO(env, adversary, defender, config, processes=processes)


def play(run: GPO, stop_after: int = UPDATES) -> dict[str, Any]:
    """Goes on with a run; its texts, its weights and what the environment has of it."""
    texts: list[list[str]] = []

    def see(iteration: Iteration) -> None:
        texts.append([f"{one.prompt} / {one.response}" for one in iteration.exchanges])
        if iteration.index + 1 == stop_after < UPDATES:
            raise KeyboardInterrupt

    try:
        run.learn(see)
    except KeyboardInterrupt:
        assert run.num_iterations == stop_after
    return {"texts": texts, "weights": weights(run), "env": repr(run.env.state_dict())}


def weights(run: GPO) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for agent, player in run.players.items():
        for name, weight in cast(LanguagePolicy, player).named_parameters():
            found[f"{agent}.{name}"] = weight.detach().clone()
    return found


def opponents_that_do_not_learn(processes: Processes) -> list[str]:
    """What a frozen model writes, which takes a generator like any other player."""
    player: CausalLMPlayer = make_word_policy(WORDS).player
    uniforms = np.random.default_rng(1).random((5, 4))
    written = speak(player, [chat(word) for word in WORDS[:5]], uniforms, range(5), processes)
    return [str(text) for text in written]


def error_of(work: Callable[[], object]) -> str:
    try:
        work()
    except (GameError, KeyboardInterrupt) as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def failures(folder: Path, processes: Processes) -> dict[str, str]:
    """What each process ends with where only one of them has met an error."""

    def failing(exchanges: Sequence[Exchange]) -> list[float]:
        return [float("nan") if processes.rank else 0.5] * len(exchanges)

    def of_its_own(exchanges: Sequence[Exchange]) -> list[float]:
        return [0.1 * processes.rank] * len(exchanges)

    unshared = red_team_v0.vector_env(
        7, seed_prompts=["go"], reward_model=FunctionReward(of_its_own), instruction="{seed_prompt}"
    )
    interrupted = new_run(folder, processes)

    def interrupt(iteration: Iteration) -> None:
        if processes.rank and iteration.index == 1:
            os.kill(os.getpid(), signal.SIGINT)

    return {
        "reward": error_of(new_run(folder, processes, games(processes, failing)).learn),
        "not alike": error_of(new_run(folder, processes, unshared).learn),
        "interrupt": error_of(lambda: interrupted.learn(interrupt)),
        "interrupted after": str(interrupted.num_iterations),
    }


def all_of_it(folder: Path, processes: Processes) -> dict[str, Any]:
    """Everything above; `folder` holds what `save_players` wrote, and a run of one process."""
    saved = new_run(folder, processes)
    first = play(saved, stop_after=2)
    saved.save(folder / f"run-of-{processes.count}")
    found: dict[str, Any] = {
        "first": first,
        "updates": {case: update(case, folder, processes) for case in CASES},
        "whole": play(new_run(folder, processes)),
        "frozen": opponents_that_do_not_learn(processes),
    }
    if processes.count > 1:
        earlier = GPO.load(folder / "run-of-1", games(processes), processes=processes)
        found["resumed"] = play(earlier)
        found["failures"] = failures(folder, processes)
    return found


def do_all_of_it(folder: Path) -> None:
    """For one of several processes: writes what came of it to `folder/process-RANK.pt`."""
    with open_processes("cpu") as processes:
        torch.save(all_of_it(folder, processes), folder / f"process-{processes.rank}.pt")


def do_it_in_shards(folder: Path) -> None:
    """The same with weights, gradients and moments in shards, by FSDP2.

    Accelerate has it for GPUs only; torch has it for CPUs, too. Adapters are refused.
    """
    with open_processes("cpu") as processes:
        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            auto_wrap_policy="transformer_based_wrap",
            cpu_ram_efficient_loading=False,
        )
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP
        AcceleratorState._shared_state["fsdp_plugin"] = plugin
        assert Accelerator().is_fsdp2
        saved = new_run(folder, processes)
        found: dict[str, Any] = {
            "first": play(saved, stop_after=2),
            "updates": {
                case: update(case, folder, processes) for case in CASES if case != "adapter"
            },
            "whole": play(new_run(folder, processes)),
            "adapter": error_of(lambda: update("adapter", folder, processes)),
        }
        saved.save(folder / "run-in-shards")
        earlier = GPO.load(folder / "run-of-1", games(processes), processes=processes)
        found["resumed"] = play(earlier)
        torch.save(found, folder / f"shards-{processes.rank}.pt")


def die_on_one() -> int:
    """One process goes without a word while the other waits for it."""
    with open_processes("cpu") as processes:
        if processes.rank:
            os._exit(3)
        processes.gathered(list)
    return 0
