"""Random numbers for sampling, from a counter-based generator.

A draw is keyed by (seed, player, iteration, turn, row, token). The batch a row is played in, rows
that have ended, the number of processes and a resume change nothing.
"""

import numpy as np

_LINEUP = 2  # Beside 0 and 1, the players of `sampling_uniforms`.


def sampling_uniforms(
    seed: int, player: int, iteration: int, turn: int, num_rows: int, max_tokens: int
) -> np.ndarray:
    """Uniform numbers, float64 [num_rows, max_tokens] in [0, 1).

    Args:
        seed: of the run.
        player: 0 for the adversary, 1 for the defender.
        iteration: index of the rollout within the run.
        turn: index of the exchange within the game.
    """
    key = np.random.SeedSequence([seed, player, iteration, turn]).generate_state(2, np.uint64)
    rows = [
        # The second counter word is the row's own stream; the first one counts its tokens.
        np.random.Generator(np.random.Philox(key=key, counter=[0, row, 0, 0])).random(max_tokens)
        for row in range(num_rows)
    ]
    return np.stack(rows)


def lineup_generator(seed: int, iteration: int) -> np.random.Generator:
    """A generator for who plays which game of a rollout, keyed as the draws of sampling are."""
    return np.random.default_rng([seed, _LINEUP, iteration])
