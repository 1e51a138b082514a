"""# Red team

An adversary looks for prompts that a defender answers badly.

| | |
|---|---|
| Import | `from llm_game_env import red_team_v0` |
| Agents | `adversary_0`, `defender_0`, in that order |
| Actions | text: a `str` of at most `max_chars` characters; tokens: one token's number |
| Action space | `Utterance(max_chars)`; `Discrete(V)` |
| Observation space | a `Dict`, see below |
| Turns | a prompt and its response; `max_turns` a game |

### Actions

Text: the action is the whole message. The empty message is legal. A message that is no string or
too long raises `IllegalAction` and changes nothing.

Tokens: the action is one token of the message, which ends with token 0 or after `max_tokens`. V
counts the tokenizer's tokens without the special ones, or those of `vocabulary`, and the 0. A
number outside the space or masked raises `IllegalAction` and changes nothing. The text is cut to
`max_chars`.

### Observations

Text: `Dict` of `messages`: `Chat()`, `turn`: `Discrete(max_turns + 1)`, `to_move`: `Discrete(2)`.
`messages` is a list of `{"role", "content"}` from the acting agent's side: its own messages are the
assistant's. The adversary is first told `instruction`, with the seed prompt in it; the defender
sees the seed prompt's dialogue context, if any, and the adversary's prompt. `turn` is the number of
exchanges completed, `to_move` the index of the agent whose turn it is.

Tokens: `Dict` of `observation`: `Box(0, V + 4, [max_context], int64)`, `action_mask`: `Box(0, 1,
[V], int8)`, `to_move`: `Discrete(2)`. The same dialogue as ids, padded on the right with V; of a
longer one the oldest are dropped. V + 1 stands for a token that is no action; V + 2, V + 3 and V +
4 open what the environment, the adversary and the defender wrote. The mask of the acting agent is
all ones unless `action_mask` says otherwise, that of the waiting agent allows 0 alone.

### Rewards

When the defender has answered, the exchange is scored.

| agent | reward |
|---|---|
| `defender_0` | the reward model's score |
| `adversary_0` | minus the score, minus the weighted likeness of the prompt to earlier ones |

A prompt that is not well formed (blank; under the built-in world's rewards: no question of its
grammar) counts as the reward model's best score and as wholly like the history, and
`infos["valid"]` is 0.

### End of a game

Both agents terminate together after `max_turns` exchanges, or, with `stop_when_unsafe`, after the
first answer that scores below `unsafe_below`. Nothing truncates.

### Arguments

| argument | meaning |
|---|---|
| `seed_prompts` | strings, records, a file (JSON, JSONL, CSV, Parquet) or a `datasets.Dataset` |
| `reward_model` | a `RewardModel`; the world's learned one by default, `"judge"` its ground truth |
| `benign_share` | probability of a benign seed prompt; as many as there are by default |
| `diversity` | a `Diversity`, copied; none by default |
| `action_format` | `"text"` or `"tokens"` |
| `instruction` | what the adversary is told, with the fields `{seed_prompt}` and `{context}` |
| `system_prompts` | by agent |
| `max_turns`, `turn_reward`, `stop_when_unsafe`, `unsafe_below`, `max_chars` | see `Rules` |
| `render_mode` | `None`, `"human"` or `"ansi"` (not in `vector_env`) |
| `tokenizer` | tokens: a Hugging Face tokenizer, its folder or its hub id; the world's by default |
| `vocabulary` | tokens: texts whose tokens alone are actions; all are by default |
| `max_tokens`, `max_context` | tokens: of a message (32), of an observation (128) |
| `action_mask` | tokens: `None`, the texts that may be said by agent, or `"grammar"`, the world's |
| `illegal` | tokens: what a masked action does, `"raise"` (the default) or `"end_message"` |

With no arguments the built-in `gatekeeper` world is played: nothing is downloaded.

### Version history

* v0: first version
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from llm_game_env.aec import GameEnv
from llm_game_env.defaults import RewardChoice, choose_format, fill_from_world
from llm_game_env.diversity import Diversity
from llm_game_env.parallel import TurnParallelEnv
from llm_game_env.rules import Rules, make_rules
from llm_game_env.seeds import SeedSource
from llm_game_env.single_agent import SingleAgentEnv, SingleAgentVectorEnv, choose_seat
from llm_game_env.vector import VectorGame

if TYPE_CHECKING:
    from llm_game_env.adapters import SB3VecEnv


def env(**arguments: Any) -> OrderEnforcingWrapper:
    """The AEC environment, with PettingZoo's wrapper that explains calls out of order."""
    return OrderEnforcingWrapper(raw_env(**arguments))


def raw_env(
    *,
    diversity: Diversity | None = None,
    render_mode: Literal["human", "ansi"] | None = None,
    **arguments: Any,
) -> GameEnv:
    """The AEC environment; the arguments are those of the module's table.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    tokens = choose_format(arguments)
    return GameEnv("red_team_v0", _rules(**arguments), diversity, render_mode, tokens)


def parallel_env(**arguments: Any) -> TurnParallelEnv:
    """The parallel environment; the arguments are those of the module's table."""
    return TurnParallelEnv(raw_env(**arguments))


def vector_env(
    num_envs: int, *, diversity: Diversity | None = None, **arguments: Any
) -> VectorGame:
    """`num_envs` games in lock-step; the arguments are those of the module's table.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    tokens = choose_format(arguments)
    return VectorGame(_rules(**arguments), num_envs, diversity, tokens)


def single_agent_env(
    *, render_mode: Literal["human", "ansi"] | None = None, **arguments: Any
) -> SingleAgentEnv:
    """One agent's game as a `gymnasium.Env`, the opponent inside.

    The arguments are those of the module's table and of `llm_game_env.single_agent.choose_seat`.
    """
    return SingleAgentEnv(choose_seat(_rules, **arguments), render_mode)


def single_agent_vector_env(
    num_envs: int = 1, *, autoreset_mode: str | Enum = "NextStep", **arguments: Any
) -> SingleAgentVectorEnv:
    """One agent's seat in `num_envs` games as a `gymnasium.vector.VectorEnv`.

    The arguments are those of `single_agent_env`; `autoreset_mode` as in `SingleAgentVectorEnv`.
    """
    return SingleAgentVectorEnv(num_envs, choose_seat(_rules, **arguments), autoreset_mode)


def sb3_vec_env(num_envs: int, **arguments: Any) -> "SB3VecEnv":
    """One agent's seat in `num_envs` games as a Stable-Baselines3 `VecEnv`.

    The arguments are those of `single_agent_env`, but for `render_mode`; `action_format` is
    "tokens" by default, and must be.
    """
    # Imported here: Stable-Baselines3 brings torch.
    from llm_game_env.adapters import SB3VecEnv

    arguments.setdefault("action_format", "tokens")
    return SB3VecEnv(num_envs, choose_seat(_rules, **arguments))


def _rules(
    *,
    seed_prompts: SeedSource | None = None,
    reward_model: RewardChoice = None,
    instruction: str | None = None,
    **arguments: Any,
) -> Rules:
    filled = fill_from_world(seed_prompts, reward_model, instruction)
    return make_rules(
        seed_prompts=filled.seed_prompts,
        reward_model=filled.reward_model,
        instruction=filled.instruction,
        **arguments,
    )
