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
        # What scoring takes; the policy's other parts are no parts of this module.
        self._policy = (policy,)

    def apart(self) -> "Learnt":
        """The same with weights of its own; the policy keeps its own."""
        twin, parts = self._policy[0].twin(), self._parts()
        learnt = [one for name in parts for one in getattr(twin, name).parameters()]
        return Learnt(twin, learnt)

    @property
    def _no_split_modules(self) -> set[str]:
        """Classes of layers that are sharded one by one, by what transformers say of the model."""
        return {
            name
            for part in self._parts().values()
            for name in getattr(part, "_no_split_modules", None) or ()
        }

    def _parts(self) -> dict[str, nn.Module]:
        return dict(self.named_children())

    def forward(
        self,
        ids: torch.Tensor,
        attention_mask: torch.Tensor,
        start: int = 1,
        entropy_learns: bool = True,
    ) -> TokenScores:
        """See `LanguagePolicy.score`."""
        return self._policy[0].score(ids, attention_mask, start, entropy_learns)
