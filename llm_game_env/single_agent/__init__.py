"""The game from one agent's seat, the other one played by a `Player`, behind Gymnasium's APIs.

`red_team_v0` and `jailbreak_v0` have a `single_agent_env`, a `gymnasium.Env`, and a
`single_agent_vector_env`, a `gymnasium.vector.VectorEnv` that asks the opponent and the reward
model once a step for all games. `gymnasium.make` and `gymnasium.make_vec` call them.

A step is the learner's: the opponent has moved when it returns, and the reward is what the learner
earned in between. An episode ends terminated. `action_masks()` is what sb3-contrib's MaskablePPO
asks for. Gymnasium's `AsyncVectorEnv` shares no texts between processes: with `shared_memory=True`
it refuses them. The vector view here needs no processes.

The arguments are the game's own, and:

| argument | default | meaning |
|---|---|---|
| `agent` | required | whose seat it is, `"adversary_0"` or `"defender_0"` |
| `opponent` | `None` | a `Player`; `None`: the built-in world's SFT player |
| `opponent_max_tokens` | `64` | of one of its messages, in its own tokens |
| `autoreset_mode` | `'NextStep'` | of the vector view, `"SameStep"` or `"Disabled"`: Gymnasium's |

`render_mode` is `None` or `"ansi"` in the vector view. Errors are the game's own, and:

| what is wrong | exception |
|---|---|
| `agent`: not one of the agents | `ConfigurationError` |
| `opponent`: no `Player`, or none with seed prompts of your own | `ConfigurationError` |
| `opponent_max_tokens`, `num_envs`: no whole number from 1 on | `ConfigurationError` |
| `autoreset_mode`, `render_mode`: none of the choices | `ConfigurationError` |
| `reset_mask`: not N truth values, none True, or with a seed | `ConfigurationError` |
| `seed_prompt_ids`: not one for each game that starts | `ConfigurationError` |
| an opponent that does not give one message a conversation | `ConfigurationError` |
| masks asked for in the text format | `ConfigurationError` |
| a step before the first reset, or after the end | `IllegalAction` |
| no list of one action a game in the vector view | `IllegalAction` |
"""

from llm_game_env.single_agent.arguments import choose_seat
from llm_game_env.single_agent.env import SingleAgentEnv
from llm_game_env.single_agent.seat import SeatSettings
from llm_game_env.single_agent.vector_env import SingleAgentVectorEnv

__all__ = ["SeatSettings", "SingleAgentEnv", "SingleAgentVectorEnv", "choose_seat"]
