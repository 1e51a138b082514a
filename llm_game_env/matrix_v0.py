"""# Matrix game

An adversary picks one of finitely many prompts, a defender one of finitely many responses: the game
of the paper small enough for tabular algorithms, with everything known in closed form.

| | |
|---|---|
| Import | `from llm_game_env import matrix_v0` |
| Agents | `adversary_0`, `defender_0`, in that order |
| Action space | `Discrete(X)` for the adversary, `Discrete(Y)` for the defender |
| Observation space | `Discrete(X + 1)`, as `np.int64` |
| Steps | two: a prompt, and a response |

### Actions

The number of the prompt or the response. Anything else raises `IllegalAction` and changes nothing.

### Observations

X stands for nothing yet. Once the adversary has moved, it sees its own prompt, and the defender the
prompt's information set.

| `information` | the defender sees | the game |
|---|---|---|
| `None` | the prompt | the paper's: it has a best response to each prompt, whatever is asked |
| all zeros | nothing | the simultaneous matrix game, with mixed equilibria |
| anything else | which set the prompt is in | in between |

### Rewards

| agent | reward |
|---|---|
| `defender_0` | `payoff[prompt, response]` |
| `adversary_0` | minus that, minus `likeness[prompt]` |

### End of a game

Both agents terminate together after the response. Nothing truncates.

### Arguments

| argument | meaning |
|---|---|
| `payoff` | [X, Y], the defender's score; see `random_payoff` and `gatekeeper_payoff` |
| `information` | whole numbers [X] from 0 without a gap, or `None` |
| `likeness` | [X], a fixed cost of each prompt to the adversary; 0 by default |
| `render_mode` | `None`, `"human"` or `"ansi"` |

Without a payoff, matching pennies is played.

### Closed forms

With policies μ [X] and π [K, Y], one row an information set: `env.unwrapped.payoff`, `.value`,
`.best_response(agent, policy)` and `.nash_gap(adversary_policy, defender_policy)`; the equilibrium
itself is `.game.equilibrium`.

### Version history

* v0: first version
"""

from typing import Any, Literal

from numpy.typing import ArrayLike
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from llm_game_env.matrix.closed_form import MatrixGame, make_matrix_game
from llm_game_env.matrix.env import MatrixGameEnv
from llm_game_env.matrix.payoffs import GatekeeperPayoff, gatekeeper_payoff, random_payoff
from llm_game_env.matrix.vector import MatrixVectorGame
from llm_game_env.parallel import TurnParallelEnv

__all__ = [
    "GatekeeperPayoff",
    "MatrixGame",
    "MatrixGameEnv",
    "MatrixVectorGame",
    "env",
    "gatekeeper_payoff",
    "parallel_env",
    "random_payoff",
    "raw_env",
    "vector_env",
]

MATCHING_PENNIES = ((1.0, 0.0), (0.0, 1.0))


def env(**arguments: Any) -> OrderEnforcingWrapper:
    """The AEC environment, with PettingZoo's wrapper that explains calls out of order."""
    return OrderEnforcingWrapper(raw_env(**arguments))


def raw_env(
    payoff: ArrayLike = MATCHING_PENNIES,
    *,
    information: ArrayLike | None = None,
    likeness: ArrayLike | None = None,
    render_mode: Literal["human", "ansi"] | None = None,
) -> MatrixGameEnv:
    """The AEC environment; the arguments are those of the module's table.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    return MatrixGameEnv("matrix_v0", make_matrix_game(payoff, information, likeness), render_mode)


def parallel_env(**arguments: Any) -> TurnParallelEnv:
    """The parallel environment; the arguments are those of the module's table."""
    return TurnParallelEnv(raw_env(**arguments))


def vector_env(
    num_envs: int,
    *,
    payoff: ArrayLike = MATCHING_PENNIES,
    information: ArrayLike | None = None,
    likeness: ArrayLike | None = None,
) -> MatrixVectorGame:
    """`num_envs` games in lock-step; the arguments are those of the module's table.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    return MatrixVectorGame(make_matrix_game(payoff, information, likeness), num_envs)
