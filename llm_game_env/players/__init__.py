"""Players: whoever writes one side's messages.

| name | kind |
|---|---|
| `EchoPlayer` | repeats the last message it was sent |
| `ScriptedPlayer` | says one of some fixed sentences |
| `RandomPlayer` | says random words |
| `HumanPlayer` | asks a person at the terminal |
| `CausalLMPlayer` | any Hugging Face causal language model |
| `EndpointPlayer` | any chat model behind an OpenAI-compatible endpoint |
| `MixturePlayer` | one of several players, drawn for every message |
"""

from typing import TYPE_CHECKING, Any

from llm_game_env.players.endpoint import EndpointPlayer
from llm_game_env.players.human import HumanPlayer
from llm_game_env.players.mixture import MixturePlayer
from llm_game_env.players.protocol import Player
from llm_game_env.players.random_words import RandomPlayer
from llm_game_env.players.scripted import EchoPlayer, ScriptedPlayer

if TYPE_CHECKING:
    from llm_game_env.players.causal_lm import CausalLMPlayer

__all__ = [
    "CausalLMPlayer",
    "EchoPlayer",
    "EndpointPlayer",
    "HumanPlayer",
    "MixturePlayer",
    "Player",
    "RandomPlayer",
    "ScriptedPlayer",
]


def __getattr__(name: str) -> Any:
    # The language model brings torch, which a scripted player never needs.
    if name == "CausalLMPlayer":
        from llm_game_env.players.causal_lm import CausalLMPlayer

        return CausalLMPlayer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
