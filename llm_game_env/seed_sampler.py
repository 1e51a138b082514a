"""Which seed prompt the next game starts from."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.checks import check_between
from llm_game_env.errors import ConfigurationError
from llm_game_env.seeds import Label, Seed


class SeedSampler:
    """Draws the seed prompts that games start from.

    Args:
        seeds: to draw from, each as likely as any other of its label.
        benign_share: probability of a benign one, in [0, 1]; None leaves the labels as frequent as
            they are.

    Raises:
        ConfigurationError: the share is out of range, or a label that it asks for is missing.
    """

    def __init__(self, seeds: Sequence[Seed], benign_share: float | None = None) -> None:
        self._num_seeds = len(seeds)
        self._benign_share = benign_share
        if benign_share is None:
            return
        check_between("benign_share", benign_share, 0, 1)
        labels: tuple[Label, Label] = ("harmful", "benign")
        self._of_label = {
            label: [i for i, seed in enumerate(seeds) if seed.label == label] for label in labels
        }
        for label, share in zip(labels, (1 - benign_share, benign_share), strict=True):
            if share and not self._of_label[label]:
                raise ConfigurationError(
                    f"benign_share={benign_share!r} asks for {label} seed prompts, of which there "
                    "are none; label some, or leave it out"
                )

    def draw(self, rng: np.random.Generator) -> int:
        """The index of the next seed prompt."""
        if self._benign_share is None:
            return int(rng.integers(self._num_seeds))
        label: Label = "benign" if rng.random() < self._benign_share else "harmful"
        pool = self._of_label[label]
        return pool[int(rng.integers(len(pool)))]
