"""What other people's libraries need beside the environments themselves.

| name | for |
|---|---|
| `SB3VecEnv` | Stable-Baselines3: N games at once; made by `red_team_v0.sb3_vec_env` |
| `TokenFeatures` | Stable-Baselines3: embeds token ids, which its own extractor takes for numbers |
| `frozen_policy` | Stable-Baselines3: a frozen copy of a model's policy, for `TokenPlayer` |
| `TokenPlayer` | any policy over tokens as the opponent of another |
| `mask_in_info` | AgileRL: the action mask in the infos, the ids alone as the observation |
| `observations_key` | RLlib's action masking: the key `observations` in place of `observation` |

All of them are for `action_format="tokens"`.
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.adapters.info_masks import mask_in_info
from llm_game_env.adapters.renamed_ids import observations_key
from llm_game_env.adapters.token_player import TokenPlayer, TokenPolicy

if TYPE_CHECKING:
    from llm_game_env.adapters.sb3_frozen import frozen_policy
    from llm_game_env.adapters.sb3_vec_env import SB3VecEnv
    from llm_game_env.adapters.token_features import TokenFeatures

__all__ = [
    "SB3VecEnv",
    "TokenFeatures",
    "TokenPlayer",
    "TokenPolicy",
    "frozen_policy",
    "mask_in_info",
    "observations_key",
]


def __getattr__(name: str) -> Any:
    # Stable-Baselines3 brings torch, which the others never need.
    if name == "SB3VecEnv":
        from llm_game_env.adapters.sb3_vec_env import SB3VecEnv

        return SB3VecEnv
    if name == "TokenFeatures":
        from llm_game_env.adapters.token_features import TokenFeatures

        return TokenFeatures
    if name == "frozen_policy":
        from llm_game_env.adapters.sb3_frozen import frozen_policy

        return frozen_policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
