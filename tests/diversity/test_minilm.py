"""Where all-MiniLM-L6-v2 is taken from."""

from pathlib import Path

import numpy as np
import pytest

from llm_game_env.diversity import EmbeddingSimilarity, load_minilm, minilm
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.world import load_world


def test_an_installed_package_serves_its_weights_and_runs_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The built-in world's encoder stands in for the real one, laid out as the package lays it out.
    package = tmp_path / "stands_in_for_minilm"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    world = load_world()
    (package / "model").symlink_to(world.path / "encoder")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(minilm, "PACKAGE", package.name)
    encoder = load_minilm()
    texts = ["who keeps the gate?", "what is the word?"]
    np.testing.assert_allclose(encoder.encode(texts), world.encoder.encode(texts), atol=1e-6)
    measure = EmbeddingSimilarity(encoder)
    measure.add(texts[:1])
    assert measure.score(texts)[0] == pytest.approx(1.0, abs=1e-6)


def test_without_package_and_hub_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    monkeypatch.setattr(minilm, "HUB_ID", str(tmp_path / "nothing here"))
    with pytest.raises(ConfigurationError, match=r"llm-game-env\[minilm\]"):
        load_minilm()
