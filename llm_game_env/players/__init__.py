"""Players: whoever writes one side's messages.

| name | kind |
|---|---|
| `EchoPlayer` | repeats the last message it was sent |
| `ScriptedPlayer` | says one of some fixed sentences |
| `CausalLMPlayer` | any Hugging Face causal language model |
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.players.protocol import Player
from llm_game_env.players.scripted import EchoPlayer, ScriptedPlayer

if TYPE_CHECKING:
    from llm_game_env.players.causal_lm import CausalLMPlayer

__all__ = ["CausalLMPlayer", "EchoPlayer", "Player", "ScriptedPlayer"]


def __getattr__(name: str) -> Any:
    # The language model brings torch, which a scripted player never needs.
    if name == "CausalLMPlayer":
        from llm_game_env.players.causal_lm import CausalLMPlayer

        return CausalLMPlayer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
