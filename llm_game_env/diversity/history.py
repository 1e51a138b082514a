"""One history of texts, and how much like it other texts are."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.diversity.embedding import EmbeddingSimilarity
from llm_game_env.diversity.kept_texts import Change, KeptTexts
from llm_game_env.diversity.self_bleu import SelfBLEU
from llm_game_env.errors import ConfigurationError

_DIGEST_BYTES = 16


class History:
    """The same texts as each of several measures of likeness remembers them.

    Args:
        parts: the measures by name, empty.
        kept: which texts are kept, empty; None for all of them.
        distinct: whether a text that was added before is left out when it comes again.
    """

    def __init__(
        self,
        parts: Mapping[str, SelfBLEU | EmbeddingSimilarity],
        kept: KeptTexts | None,
        *,
        distinct: bool,
    ) -> None:
        self._parts = dict(parts)
        self._kept = kept
        # Digests of all that was added: a text itself would take several times as much.
        self._known: set[bytes] | None = set() if distinct else None
        self._count = 0

    def __len__(self) -> int:
        """Texts in the history, repeated ones counted each time."""
        return self._count

    def score(self, texts: Sequence[str], *, within_batch: bool) -> dict[str, np.ndarray]:
        """Likeness of each text by every part, float32 [N] each; errors as in the parts."""
        return {
            name: part.score(texts, within_batch=within_batch) for name, part in self._parts.items()
        }

    def add(self, texts: Sequence[str]) -> None:
        """Append texts; errors as in the parts, the history then unchanged."""
        digests = []
        if self._known is not None:
            new = {_digest(text): text for text in dict.fromkeys(texts)}
            digests = [digest for digest in new if digest not in self._known]
            texts = [new[digest] for digest in digests]
        if self._kept is None:
            self._exchange(Change([], list(texts)), [])
        else:
            kept, change = self._kept.added(texts)
            self._exchange(change, [self._kept.texts[place] for place in change.gone])
            self._kept = kept
        if self._known is not None:
            self._known.update(digests)

    def state_dict(self) -> dict[str, Any]:
        """The history as plain values and NumPy arrays.

        Keys: "count" (int), "parts" (states by name), "kept" (state of a limited history, else
        None), "known" (uint8 [K, 16], digests of all that was added, else None).
        """
        known = None
        if self._known is not None:
            joined = b"".join(sorted(self._known))
            known = np.frombuffer(joined, np.uint8).reshape(-1, _DIGEST_BYTES).copy()
        return {
            "count": self._count,
            "parts": {name: part.state_dict() for name, part in self._parts.items()},
            "kept": None if self._kept is None else self._kept.state_dict(),
            "known": known,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the history by a saved one.

        Raises:
            ConfigurationError: it is that of other parts, or none that `state_dict` gave; the
                history may then hold anything.
        """
        saved = state.get("parts") if isinstance(state, Mapping) else None
        if not isinstance(saved, Mapping) or set(saved) != set(self._parts):
            names = sorted(saved) if isinstance(saved, Mapping) else saved
            raise ConfigurationError(
                f"the saved Diversity has the parts {names!r}, this one {sorted(self._parts)!r}; "
                "build it with the same weights above 0."
            )
        try:
            self._count = int(state["count"])
            if self._kept is not None:
                self._kept = self._kept.loaded(state["kept"])
            if self._known is not None:
                digests = np.asarray(state["known"], np.uint8).reshape(-1, _DIGEST_BYTES)
                self._known = {digest.tobytes() for digest in digests}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"state={brief(state)} is none that state_dict() gave ({error!r})"
            ) from error
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])

    def _exchange(self, change: Change, gone: Sequence[str]) -> None:
        """Carry out a change of the history; `gone` are the texts that leave it."""
        # The embedding first: its encoder is what can fail, and SelfBLEU cannot after the check.
        embedding, bleu = self._parts.get("embedding"), self._parts.get("self_bleu")
        if isinstance(embedding, EmbeddingSimilarity):
            embedding.exchange(gone, change.new)
        if isinstance(bleu, SelfBLEU):
            bleu.forget(change.gone)
            bleu.add(change.new)
        self._count += len(change.new) - len(gone)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
