"""# Matrix game

An adversary picks one of finitely many prompts, a defender one of finitely many responses: the game
of the paper small enough for tabular algorithms, with everything known in closed form.

| | |
|---|---|
| Import | `from llm_game_env import matrix_v0` |
| Creation | `matrix_v0.env()` or `make("aec", "llm_game_env/matrix_v0")` |
| Actions | discrete |
| Parallel API | yes: the waiting agent's action is ignored |
| Manual control | no |
| Agents | `["adversary_0", "defender_0"]`, in that order |
| Number of agents | 2 |
| Action space | `Discrete(X)` for the adversary, `Discrete(Y)` for the defender |
| Observation space | `Discrete(X + 1)`, as `np.int64` |

A game is two steps: a prompt and a response, X and Y by number.

### Example

The built-in world as a matrix, every question of its grammar against a refusal and the answer to
each matter, and the gap that a defender leaves who says one thing whatever it is asked:

```python
import numpy as np

from llm_game_env import matrix_v0

world = matrix_v0.gatekeeper_payoff()
env = matrix_v0.env(payoff=world.payoff, information=world.information).unwrapped
refusing = np.zeros((env.game.num_information_sets, env.game.num_responses))
refusing[:, 0] = 1.0
asking = env.best_response("adversary_0", refusing)
print(env.value, env.nash_gap(asking, refusing))  # 1.0 1.0
```

### Actions

The number of the prompt or the response.

### Observations

X stands for nothing yet. Once the adversary has moved, it sees its own prompt, and the defender the
prompt's information set.

| `information` | the defender sees | the game |
|---|---|---|
| `None` | the prompt | the paper's: it has a best response to each prompt, whatever is asked |
| all zeros | nothing | the simultaneous matrix game, with mixed equilibria |
| anything else | which set the prompt is in | in between |

### Rewards

Paid after the response; the infos `score` and `likeness` are the parts, and 0 before.

| agent | reward |
|---|---|
| `defender_0` | `payoff[prompt, response]` |
| `adversary_0` | minus that, minus `likeness[prompt]` |

### End of a game

Both agents terminate together after the response. Nothing truncates.

### Arguments

| argument | default | meaning |
|---|---|---|
| `payoff` | matching pennies | [X, Y], the defender's score of each response to each prompt |
| `information` | `None` | whole numbers [X] from 0 without a gap, or `None` |
| `likeness` | `None` | [X], a fixed cost of each prompt to the adversary; `None`: 0 |
| `render_mode` | `None` | `"ansi"`: `render` returns the game; `"human"`: it is printed |

`random_payoff(num_prompts, num_responses, seed)` draws a payoff; `gatekeeper_payoff(questions)` is
the built-in world's, with an information set for each matter that a question can be about.

`reset` takes a seed and options, and ignores them: nothing in the game is random.

### Other views

`raw_env` is the AEC API without PettingZoo's wrapper, `parallel_env` the parallel API, and
`vector_env(num_envs)` N games in lock-step, see `llm_game_env.lockstep`, which are not rendered.

### Closed forms

Of `env.unwrapped`, or `.game` in `vector_env`. The adversary's policy μ is [X], the defender's π
[K, Y], a row an information set.

| | |
|---|---|
| `payoff` | float64 [X, Y] |
| `value` | the expected score, and likeness, where both play their best |
| `best_response(agent, policy)` | of the agent, against the other's policy |
| `nash_gap(adversary_policy, defender_policy)` | 0 at an equilibrium, else above |
| `game.equilibrium` | one pair of policies that neither side can improve on |

### Errors

Each leaves the game as it was. A `ConfigurationError` and an `IllegalAction` are `ValueError`s.

| what is wrong | exception |
|---|---|
| a keyword that there is not | `TypeError` |
| `payoff`: no finite numbers [X, Y] | `ConfigurationError` |
| `information`: no whole numbers [X] without a gap | `ConfigurationError` |
| `likeness`: no finite numbers [X] | `ConfigurationError` |
| `render_mode`: none of the choices | `ConfigurationError` |
| `num_envs`, `num_prompts`, `num_responses`: no whole number from 1 on | `ConfigurationError` |
| `seed`: no whole number from 0 on, nor N of them in the vector view | `ConfigurationError` |
| `options`: no dict | `ConfigurationError` |
| `agent`: not one of the agents | `ConfigurationError` |
| `adversary_policy`: no distribution [X] | `ConfigurationError` |
| `defender_policy`: no K distributions [K, Y] | `ConfigurationError` |
| `questions`: none, or something else | `ConfigurationError` |
| an action that is not in the agent's space | `IllegalAction` |
| `parallel_env`: no dict, or nothing from the agent to move | `IllegalAction` |
| `vector_env`: no list of one action a game | `IllegalAction` |
| `vector_env`: actions before the first reset, or after the end | `IllegalAction` |
| `env`: a step before the first reset | `AssertionError` |
| `env`: an action of an agent whose game has ended | `ValueError` |

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
