"""What an update changes, as one module that several processes can hold replicas of."""

from collections.abc import Iterable

import torch
from torch import nn

from llm_game_agents.policy import LanguagePolicy, TokenScores


class Learnt(nn.Module):
    """The parts of a policy that hold learnt weights; calling it scores tokens with the policy.

    The frozen reference is no part of it, nor a value head that a rule without a critic leaves as
    it is.

    Args:
        policy: whose `score` is called.
        parameters: what is learnt.
    """

    def __init__(self, policy: LanguagePolicy, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__()
        learnt = {id(parameter) for parameter in parameters}
        for name, part in policy.named_children():
            if any(id(parameter) in learnt for parameter in part.parameters()):
                self.add_module(name, part)
        self._score = policy.score

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor, start: int) -> TokenScores:
        """See `LanguagePolicy.score`."""
        return self._score(ids, attention_mask, start)
