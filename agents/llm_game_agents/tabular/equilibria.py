"""The equilibrium of the regularised game where it is closed form: the paper's game.

There the defender answers each prompt on its own, with π(y | x) ∝ exp(R(x, y) / τ), or with its
best response if its entropy does not enter J. A prompt is then worth τ log Σ_y exp(R(x, y) / τ), or
max_y R(x, y), and the adversary writes μ(x) ∝ exp(-(worth(x) + ℓ(x)) / η_H).
"""

import numpy as np

from llm_game_agents.tabular.games import Entropy, Policies, TabularGames
from llm_game_agents.tabular.rule import check_entropy, softmax
from llm_game_env.errors import ConfigurationError


def regularised_equilibrium(games: TabularGames, entropy: Entropy) -> Policies:
    """The one equilibrium of each regularised game.

    Of several best responses the defender takes the first, where its entropy does not count.

    Raises:
        ConfigurationError: the defender does not see the prompt, the adversary's entropy is worth
            nothing, or there is a likeness matrix: no closed form is known then.
    """
    check_entropy(entropy)
    if not games.sighted or games.likeness_matrix is not None or not entropy.adversary:
        raise ConfigurationError(
            f"no closed form for information={games.information.tolist()[:5]}, "
            f"entropy.adversary={entropy.adversary}; the defender must see the prompt, the entropy "
            "be above 0, and there be no likeness_matrix"
        )
    worth = games.payoff.max(axis=2)
    if entropy.defender:
        above = (games.payoff - worth[:, :, None]) / entropy.defender
        worth = worth + entropy.defender * np.log(np.exp(above).sum(axis=2))
        defender = softmax(games.payoff / entropy.defender)
    else:
        defender = np.eye(games.payoff.shape[2])[games.payoff.argmax(axis=2)]
    return Policies(softmax(-(worth + games.likeness) / entropy.adversary), defender)
