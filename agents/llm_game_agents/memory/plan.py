"""What a run will need of a device's memory, part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from llm_game_agents.frozen import frozen_copy
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.matchmaking import Matchmaker
from llm_game_agents.memory.free import SPARE
from llm_game_agents.memory.passes import (
    Need,
    largest_that_fits,
    sampling_need,
    scoring_need,
    update_need,
)
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage

When = Literal["always", "playing", "updating", "elsewhere"]


class Lengths(NamedTuple):
    """Tokens of the longest conversation that a player answers, and of its answer."""

    prompt: int
    response: int


@dataclass(frozen=True)
class Part:
    """One line of the plan.

    Attributes:
        name: what it is.
        size: bytes.
        when: it is there: "elsewhere" is not on the device.
    """

    name: str
    size: int
    when: When = "always"


@dataclass(frozen=True)
class MemoryPlan:
    """What a run needs.

    Attributes:
        parts: all of it. Of what is there while playing or while updating, either is there at a
            time, and one player's at a time.
        micro_batch_size: rows at once that the updates are planned with, by agent.
        free: bytes of the device; None where it does not say.
    """

    parts: tuple[Part, ...]
    micro_batch_size: Mapping[str, int]
    free: int | None

    @property
    def total(self) -> int:
        """Bytes at the highest point."""
        busy = [part.size for part in self.parts if part.when in ("playing", "updating")]
        return self.always + max(busy, default=0)

    @property
    def always(self) -> int:
        """Bytes that are there from beginning to end."""
        return sum(part.size for part in self.parts if part.when == "always")

    @property
    def fits(self) -> bool:
        """Whether it is known to go into four fifths of what is free."""
        return self.free is None or self.total <= SPARE * self.free


def plan_memory(
    policies: Mapping[str, LanguagePolicy],
    reward_model: Any,
    config: GPOConfig,
    *,
    stages: Sequence[Stage],
    games: int,
    scored_at_once: int,
    lengths: Mapping[str, Lengths],
    free: int | None,
) -> MemoryPlan:
    """The plan of a run; within `Weightless`, it takes no memory itself.

    Args:
        policies: of both agents, as they would be loaded.
        reward_model: a model of transformers, or None.
        config: of the run.
        stages: who learns when.
        games: a batch.
        scored_at_once: exchanges that go through the reward model together, at most.
        lengths: by agent.
        free: see `free_bytes`.
    """
    seen: set[int] = set()
    kept = Matchmaker(config.opponents).will_keep(stages)
    learners = {agent for stage in stages for agent in stage.learners}
    parts: list[Part] = []
    for agent, policy in policies.items():
        base = [p for p in policy.model.parameters() if not p.requires_grad]
        parts.append(Part("frozen base", _size(base, seen)))
        parts.append(Part(f"{agent}: weights", _size(policy.model, seen)))
        parts.append(Part(f"{agent}: value head", _size(policy.value_head, seen)))
        if policy.critic is not None:
            parts.append(Part(f"{agent}: critic", _size(policy.critic, seen)))
        spread = policy.computing.device_map is not None
        reference = _size(policy.reference, seen)
        parts.append(Part(f"{agent}: reference", reference, "elsewhere" if spread else "always"))
        if agent in learners:
            learnt = [*policy.learnt_weights(), *policy.critic_weights()]
            size = sum(parameter.nbytes for parameter in learnt)
            parts.append(Part(f"{agent}: gradients", size))
            parts.append(Part(f"{agent}: optimiser moments", 2 * size))
        if kept[agent]:
            past = frozen_copy(policy.model, policy.computing.frozen_dtype)
            size = kept[agent] * _size(past, set(seen))
            parts.append(Part(f"{agent}: {kept[agent]} past players", size))
    if reward_model is not None:
        spread = any(policy.computing.device_map is not None for policy in policies.values())
        size = _size(reward_model, seen)
        parts.append(Part("reward model: weights", size, "elsewhere" if spread else "always"))
        scored = min(games, scored_at_once)
        longest = max(length.prompt + length.response for length in lengths.values())
        context = getattr(reward_model.config, "max_position_embeddings", None) or longest
        need = _of_rows(scored, lambda n: scoring_need(reward_model, n, min(longest, context)))
        parts.append(Part("reward model: activations", need.peak, "playing"))
    for agent, policy in policies.items():
        own = lengths[agent]
        need = _of_rows(games, lambda n, p=policy, o=own: sampling_need(p, n, *o))
        name = f"{agent}: sampling, of which cache {_gib(need.cache)}, logits {_gib(need.logits)}"
        parts.append(Part(name, need.peak, "playing"))
    rows: dict[str, int] = {}
    room = None if free is None else SPARE * free - sum(p.size for p in parts if p.when == "always")
    for agent in sorted(learners & policies.keys()):
        policy, own, rule = policies[agent], lengths[agent], config.rules[agent]
        whole = -(-games // rule.num_minibatches)
        fixed = rule.micro_batch_size if isinstance(rule.micro_batch_size, int) else None
        one, two = (update_need(policy, n, sum(own), own.prompt) for n in (1, 2))
        rows[agent] = min(whole, fixed or whole)
        if fixed is None:
            rows[agent] = largest_that_fits(one, two, whole, room)
        need = Need.at(rows[agent], one, two)
        name = f"{agent}: update of {rows[agent]} rows at once, of which logits {_gib(need.logits)}"
        parts.append(Part(name, need.peak, "updating"))
    return MemoryPlan(tuple(part for part in parts if part.size), rows, free)


def _of_rows(rows: int, need: Any) -> Need:
    return Need.at(rows, need(1), need(2))


def _size(tensors: nn.Module | list[nn.Parameter], seen: set[int]) -> int:
    """Bytes of what was not counted before."""
    every: list[torch.Tensor] = list(tensors) if isinstance(tensors, list) else []
    if isinstance(tensors, nn.Module):
        every = [*tensors.parameters(), *tensors.buffers()]
    fresh = {id(tensor): tensor for tensor in every if id(tensor) not in seen}
    seen.update(fresh)
    return sum(tensor.nbytes for tensor in fresh.values())


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
