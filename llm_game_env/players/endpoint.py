"""Any OpenAI-compatible chat endpoint as a player."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_game_env.checks import check_finite
from llm_game_env.endpoint import Endpoint, text_of
from llm_game_env.errors import ConfigurationError, EndpointError
from llm_game_env.spaces import Message


class EndpointPlayer:
    """A chat model behind an OpenAI-compatible endpoint: OpenAI's, vLLM's, llama.cpp's, Ollama's.

    Not reproducible: the endpoint draws the tokens. Each request carries a `seed` drawn from
    `rng`, which endpoints honour as well as they can, or not at all. `max_tokens` counts the
    endpoint's tokens and is sent under that name; an endpoint that takes only
    `max_completion_tokens` refuses it.

    Needs the `openai` library: pip install 'llm-game-env[endpoint]'.

    Args:
        model: the name that the endpoint knows it by.
        base_url: the address before /chat/completions, such as "http://localhost:8000/v1";
            without user name, password or query.
        api_key: None takes the environment variable OPENAI_API_KEY, which is then sent to
            `base_url`; where that is not set either, a placeholder goes out. With a key given
            here, the player cannot be pickled: the key would be in the pickle.
        temperature: sent with every request; finite and at least 0. Endpoints may set a maximum.
        concurrency: the most requests at a time, at least 1; the library opens 1000 connections at
            most.
        timeout: the seconds to wait for a connection, and for each piece of an answer; above 0.
        max_retries: the further attempts of a request that met a broken connection, a timeout, an
            answer that is no completion, or the status 408, 409, 429 or 5xx, with pauses that
            grow, or as long as the endpoint's Retry-After asks for; at least 0.

    Raises:
        ConfigurationError: an argument is outside its range, or the library is missing.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        temperature: float = 1.0,
        concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 4,
    ) -> None:
        if check_finite("temperature", temperature) < 0:
            raise ConfigurationError(f"temperature={temperature!r} must be at least 0")
        self.temperature = float(temperature)
        self._endpoint = Endpoint(
            type(self).__name__, model, base_url, api_key, concurrency, timeout, max_retries
        )

    def __repr__(self) -> str:
        return repr(self._endpoint)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """The next message of each conversation; "" where the answer has no text, as in a refusal.

        Raises:
            EndpointError: some conversations have no answer; the others' are in it.
            ConfigurationError: the key in the environment cannot be sent.
        """
        if not conversations:
            return []
        seeds = rng.integers(2**31, size=len(conversations))

        def ask(client: Any, row: int) -> str:
            return self._ask(client, conversations[row], int(seeds[row]), max_tokens)

        completed, failed = self._endpoint.ask_each(ask, len(conversations))
        if failed:
            kept = "the other answers are in the error's `completed`"
            what = "conversations have no answer"
            message = self._endpoint.failure(failed, len(conversations), what, kept)
            # Not chained: the library's errors hold requests, and the key with them.
            raise EndpointError(message, completed, failed)
        return list(completed.values())

    def _ask(self, client: Any, conversation: Sequence[Message], seed: int, max_tokens: int) -> str:
        answer = client.chat.completions.create(
            model=self._endpoint.model,
            messages=[dict(message) for message in conversation],
            max_tokens=max_tokens,
            temperature=self.temperature,
            seed=seed,
        )
        # JSON can hold half a surrogate pair, at which a tokenizer would fail later.
        return (text_of(answer) or "").encode("utf-8", "replace").decode("utf-8")
