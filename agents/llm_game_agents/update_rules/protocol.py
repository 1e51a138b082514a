"""What a learner is to the loop, and what a rule hands to the learner."""

from typing import Any, NamedTuple, Protocol

import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import Processes
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules.stats import UpdateStats


class Learner(Protocol):
    """What updates one policy.

    Attributes:
        policy: updated in place.
        num_updates: made so far.
    """

    policy: LanguagePolicy
    num_updates: int

    def join(self, processes: Processes) -> None:
        """Makes every update from now on with others, who hold the same policy and decisions."""
        ...

    def open_stage(self) -> None:
        """A stage begins in which the policy learns."""
        ...

    def update(self, decisions: list[Decision]) -> UpdateStats:
        """One update on what the policy did in a rollout."""
        ...

    def gather(self) -> None:
        """Makes ready for `state_dict`; all processes call it before one of them goes on to ask."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that going on needs but the policy's weights."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        ...


class Targets(NamedTuple):
    """What a rule makes of a trajectory, float [B, T] each, 0 outside the response.

    Attributes:
        advantages: how much better each token was than expected.
        returns: what the critic is to say; anything for rules without one.
    """

    advantages: torch.Tensor
    returns: torch.Tensor


class Loss(NamedTuple):
    """Losses of each token of a minibatch, float [B, T].

    Attributes:
        policy: what moves the policy.
        value: what moves the critic; 0 where there is none.
    """

    policy: torch.Tensor
    value: torch.Tensor
