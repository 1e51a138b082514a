"""What the flags of a run on one's own models come to: games, players, knobs and stages."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from llm_game_agents.computing import Computing, Precision
from llm_game_agents.critic import CriticKind
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.main_job.flags import RunFlags
from llm_game_agents.main_job.request import Request
from llm_game_agents.player_folders import PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.policy_folder import CRITIC_FOLDER
from llm_game_agents.processes import Processes, shared_reward
from llm_game_agents.schedules import (
    Stage,
    adversary_only,
    alternating_by_success,
    defender_only,
    simultaneous,
)
from llm_game_agents.update_rules import PPOConfig, UpdateRule
from llm_game_env import ConfigurationError, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.rewards import ClassifierReward
from llm_game_env.vector import VectorGame


def require(flags: RunFlags) -> None:
    """Refuses a run of own models of which one is not named."""
    needed = ("adversary", "defender", "reward_model", "seed_prompts")
    missing = [f"--{name.replace('_', '-')}" for name in needed if not getattr(flags, name)]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} missing; with your own models give all of "
            "--adversary, --defender, --reward-model and --seed-prompts"
        )


def games(flags: RunFlags, processes: Processes) -> VectorGame:
    """The environment, its reward model opened."""
    _check_device(flags.device)
    reward_model = ClassifierReward(
        flags.reward_model,
        label=flags.reward_label or None,
        best=_number("--reward-best", flags.reward_best),
        device=None if flags.device_map else flags.device,
        device_map=flags.device_map or None,
        dtype=computing(flags).frozen_dtype,
    )
    return red_team_v0.vector_env(
        flags.games,
        seed_prompts=flags.seed_prompts,
        reward_model=shared_reward(reward_model, processes),
        instruction=flags.instruction or None,
        diversity=Diversity(self_bleu=flags.diversity) if flags.diversity else None,
    )


def policies(request: Request) -> list[LanguagePolicy]:
    """The adversary and the defender, as whole models or as adapters."""
    flags = request.flags
    paths = (flags.adversary, flags.defender)
    critics: list[CriticKind] = [critic_of(request, agent) for agent in ("adversary", "defender")]
    if flags.lora_rank:
        folders = PlayerFolders(
            flags.temperature, flags.device, computing=computing(flags), **adapters(flags)
        )
        return [
            folders.fresh(path, 2 * flags.seed + i, critic)
            for i, (path, critic) in enumerate(zip(paths, critics, strict=True))
        ]
    return [
        LanguagePolicy.load(
            path,
            critic=critic,
            device=flags.device,
            temperature=flags.temperature,
            computing=computing(flags),
        )
        for path, critic in zip(paths, critics, strict=True)
    ]


def computing(flags: RunFlags) -> Computing:
    """Precision and what else saves memory."""
    return Computing(
        precision=cast(Precision, flags.precision),
        gradient_checkpointing=flags.gradient_checkpointing,
        compile=flags.compile,
        device_map=flags.device_map or None,
        fused_activation=flags.fused_activation,
        coarse_gradients=flags.coarse_gradients,
    )


def adapters(flags: RunFlags) -> dict[str, Any]:
    """What fresh adapters are like, for `PlayerFolders` and `Weightless`."""
    return {
        "rank": flags.lora_rank,
        "alpha": flags.lora_alpha or None,
        "targets": tuple(name.strip() for name in flags.lora_targets.split(",") if name.strip()),
    }


def knobs(request: Request) -> GPOConfig:
    """GPO's knobs; the tuned ones of the built-in world's players are left behind."""
    flags = request.flags
    rules = (request.learning.defender, request.learning.adversary)
    if flags.critic == "model" and not any(isinstance(rule, PPOConfig) for rule in rules):
        raise ConfigurationError(
            "--critic model is for PPO, and neither player learns by it; leave it out, or choose "
            "ppo for one of them"
        )
    learning = request.learning._replace(
        defender=_with_critic(request, "defender"), adversary=_with_critic(request, "adversary")
    )
    return GPOConfig(
        **learning._asdict(),
        defend_updates=flags.defend_updates,
        attack_updates=flags.attack_updates,
        rounds=flags.rounds,
        anchor=flags.anchor,  # pyright: ignore[reportArgumentType] - checked there
        adversary_max_tokens=flags.adversary_max_tokens,
        defender_max_tokens=flags.defender_max_tokens,
        temperature=flags.temperature,
        seed=flags.seed,
    )


def critic_of(request: Request, agent: str) -> CriticKind:
    """What an agent's values are read from; a critic that was saved with a player stays its own."""
    if (Path(getattr(request.flags, agent)) / CRITIC_FOLDER).exists():
        return "model"
    has_critic = isinstance(getattr(request.learning, agent), PPOConfig)
    return cast(CriticKind, request.flags.critic) if has_critic else "head"


def _with_critic(request: Request, agent: str) -> UpdateRule:
    """An agent's rule; at a value head's rate a whole model would forget what it knows."""
    rule: UpdateRule = getattr(request.learning, agent)
    is_settled = f"{agent}_critic_learning_rate" in request.given
    has_model = critic_of(request, agent) == "model"
    if has_model and isinstance(rule, PPOConfig) and not is_settled:
        return replace(rule, critic_learning_rate=rule.learning_rate)
    return rule


def stages(flags: RunFlags) -> Iterable[Stage]:
    """Who learns when."""
    defend, attack, rounds = flags.defend_updates, flags.attack_updates, flags.rounds
    match flags.schedule:
        case "simultaneous":  # As many batches of games as in alternation.
            per_round = (defend + attack) // 2
            return simultaneous(rounds * per_round, stage_updates=per_round)
        case "defender-only":
            return defender_only(rounds * defend)
        case "adversary-only":
            return adversary_only(rounds * attack)
    return alternating_by_success(
        defend,
        attack,
        rounds,
        safe_below=flags.safe_below or None,
        broken_above=flags.broken_above or None,
    )


def _number(name: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{name}={text!r} must be a number") from error


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ConfigurationError(
            f"device={device!r} cannot be used ({error}); give cpu, or a device of this machine"
        ) from error
