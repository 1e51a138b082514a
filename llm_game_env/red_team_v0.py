"""# Red team

An adversary looks for prompts that a defender answers badly.

| | |
|---|---|
| Import | `from llm_game_env import red_team_v0` |
| Agents | `adversary_0`, `defender_0`, in that order |
| Actions | text: a `str` of at most `max_chars` characters |
| Action space | `Utterance(max_chars)` |
| Observation space | `Dict{"messages": Chat(), "turn": Discrete(max_turns + 1)}` |
| Turns | a prompt and its response; `max_turns` a game |

### Actions

The action is the whole message. The empty message is legal. A message that is no string or too
long raises `IllegalAction` and changes nothing.

### Observations

`messages` is a list of `{"role", "content"}` from the acting agent's side: its own messages are the
assistant's. The adversary is first told `instruction`, with the seed prompt in it; the defender
sees the seed prompt's dialogue context, if any, and the adversary's prompt. `turn` is the number of
exchanges completed.

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
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import RewardModel
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
    reward_model: RewardModel | Literal["judge"] | None = None,
    instruction: str | None = None,
    action_format: Literal["text"] = "text",
    **arguments: Any,
) -> Rules:
    """Fills what was left out from the built-in world."""
    if action_format != "text":
        raise ConfigurationError(f"action_format={action_format!r} must be 'text'")
    in_world = seed_prompts is None or reward_model is None or reward_model == "judge"
    if in_world:
        # Imported here: a game with its own seed prompts and rewards needs neither.
        from llm_game_env.gatekeeper.judge import JudgeScore
        from llm_game_env.gatekeeper.world import load_world

        world = load_world()
        instruction = world.instruction if instruction is None else instruction
        seed_prompts = world.seed_prompts if seed_prompts is None else seed_prompts
        if reward_model == "judge":
            reward_model = JudgeScore()
        elif reward_model is None:
            reward_model = world.reward_model
    if reward_model is None or seed_prompts is None or isinstance(reward_model, str):
        raise ConfigurationError(
            f"reward_model={reward_model!r} must be a RewardModel, 'judge' or None"
        )
    return make_rules(
        seed_prompts=seed_prompts,
        reward_model=reward_model,
        instruction=instruction,
        **arguments,
    )
