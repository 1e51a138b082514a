"""How many rows of a minibatch go through the model at once."""

import logging
from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from llm_game_agents.memory.free import SPARE, free_bytes
from llm_game_agents.memory.passes import largest_that_fits, update_need
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import Processes
from llm_game_env.errors import TrainingError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class MicroBatches:
    """Keeps to a size that was given, or finds one that the device has room for.

    What it finds is what four fifths of the free memory hold beside the gradients and the
    optimiser's moments, by two passes of one and of two rows, and it halves it where that is too
    much after all; each time it says so in the log.

    Args:
        given: rows; 0 for a whole minibatch, "auto" to find them.

    Attributes:
        size: rows at once; 0 for a whole minibatch.
    """

    def __init__(self, given: int | Literal["auto"]) -> None:
        self._is_free = given == "auto"
        self.size = 0 if given == "auto" else given

    def of(self, num_rows: int) -> int:
        """How many of so many rows go at once."""
        return min(self.size, num_rows) or max(1, num_rows)

    def choose(
        self,
        policy: LanguagePolicy,
        processes: Processes,
        num_rows: int,
        length: int,
        start: int,
    ) -> None:
        """Finds a size, unless there is one; the smallest that any process finds.

        Args:
            policy: that is about to learn; gradients that it has are dropped.
            processes: that share the rows out, all of which find one now.
            num_rows: of a minibatch.
            length, start: see `update_need`.
        """
        if not self._is_free or self.size:
            return
        own = -(-num_rows // processes.count)
        is_alone = processes.count == 1
        self.size = min(
            processes.gathered(lambda: self._find(policy, own, length, start, is_alone=is_alone))
        )
        _log.info("micro-batches of %d rows, of minibatches of %d", self.size, num_rows)

    def fitting(self, step: Callable[[], T], processes: Processes, num_rows: int) -> T:
        """What a step returns that starts anew each time: it drops the gradients that it finds.

        Raises:
            TrainingError: a single row does not fit.
            OutOfMemoryError: torch's own, where a size was given or several processes learn: the
                others would wait for one that starts a step anew.
        """
        while True:
            try:
                return step()
            except torch.cuda.OutOfMemoryError as error:
                if not self._is_free or processes.count > 1:
                    raise
                if self.of(num_rows) == 1:
                    raise TrainingError(
                        "the device has no room for an update of a single row; learn with "
                        "gradient_checkpointing=True, precision='bf16' or adapters, or allow "
                        "fewer tokens"
                    ) from error
            # Here the failed step's tensors are gone.
            torch.cuda.empty_cache()
            self.size = -(-self.of(num_rows) // 2)
            _log.warning("out of memory: micro-batches of %d rows from here on", self.size)

    def _find(
        self, policy: LanguagePolicy, num_rows: int, length: int, start: int, *, is_alone: bool
    ) -> int:
        device = policy.value_head.weight.device
        free = free_bytes(device)
        if free is None:
            return num_rows
        # Gradients and moments, which the first step makes; of several processes a copy besides.
        learnt = [*policy.learnt_weights(), *policy.critic_weights()]
        to_come = (3 if is_alone else 4) * sum(parameter.nbytes for parameter in learnt)
        one, two = (update_need(policy, rows, length, start) for rows in (1, 2))
        return largest_that_fits(one, two, num_rows, SPARE * free - to_come)
