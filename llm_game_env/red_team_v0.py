"""# Red team

An adversary looks for prompts that a defender answers badly.

| | |
|---|---|
| Import | `from llm_game_env import red_team_v0` |
| Agents | `adversary_0`, `defender_0`, in that order |
| Actions | text: a `str` of at most `max_chars` characters |
| Action space | `Utterance(max_chars)` |
| Observation space | `Dict` of `Chat()`, `Discrete(max_turns + 1)`, `Discrete(2)`, see below |
| Turns | a prompt and its response; `max_turns` a game |

### Actions

The action is the whole message. The empty message is legal. A message that is no string or too
long raises `IllegalAction` and changes nothing.

### Observations

`messages` is a list of `{"role", "content"}` from the acting agent's side: its own messages are the
assistant's. The adversary is first told `instruction`, with the seed prompt in it; the defender
sees the seed prompt's dialogue context, if any, and the adversary's prompt. `turn` is the number of
exchanges completed, `to_move` the index of the agent whose turn it is.

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
| `action_format` | `"text"` |
| `instruction` | what the adversary is told, with the fields `{seed_prompt}` and `{context}` |
| `system_prompts` | by agent |
| `max_turns`, `turn_reward`, `stop_when_unsafe`, `unsafe_below`, `max_chars` | see `Rules` |
| `render_mode` | `None`, `"human"` or `"ansi"` (not in `vector_env`) |

With no arguments the built-in `gatekeeper` world is played: nothing is downloaded.

### Version history

* v0: first version
"""

from typing import Any, Literal

from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from llm_game_env.aec import TextGameEnv
from llm_game_env.defaults import RewardChoice, check_action_format, fill_from_world
from llm_game_env.diversity import Diversity
from llm_game_env.parallel import TurnParallelEnv
from llm_game_env.rules import Rules, make_rules
from llm_game_env.seeds import SeedSource
from llm_game_env.vector import VectorGame


def env(**arguments: Any) -> OrderEnforcingWrapper:
    """The AEC environment, with PettingZoo's wrapper that explains calls out of order."""
    return OrderEnforcingWrapper(raw_env(**arguments))


def raw_env(
    *,
    diversity: Diversity | None = None,
    render_mode: Literal["human", "ansi"] | None = None,
    **arguments: Any,
) -> TextGameEnv:
    """The AEC environment; the arguments are those of the module's table.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    return TextGameEnv("red_team_v0", _rules(**arguments), diversity, render_mode)


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
    return VectorGame(_rules(**arguments), num_envs, diversity)


def _rules(
    *,
    seed_prompts: SeedSource | None = None,
    reward_model: RewardChoice = None,
    instruction: str | None = None,
    action_format: Literal["text"] = "text",
    **arguments: Any,
) -> Rules:
    check_action_format(action_format)
    filled = fill_from_world(seed_prompts, reward_model, instruction)
    return make_rules(
        seed_prompts=filled.seed_prompts,
        reward_model=filled.reward_model,
        instruction=filled.instruction,
        **arguments,
    )
