"""Results on disk, with all that is needed to know how they came about."""

import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from llm_game_env.evaluation.results import PACKAGES, provenance, write_results


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True)
class Flags:
    seed: int = 7
    out: Path = Path("runs/x")
    inner: Inner = field(default_factory=Inner)


def test_everything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, Flags(), Inner(0.25), [{"arm": "gpo", "é": [1, 2.5]}, {"arm": "sft"}])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["flags"] == {"seed": 7, "out": "runs/x", "inner": {"rate": 0.5}}
    assert record["config"] == {"rate": 0.25}
    assert record["arms"] == [{"arm": "gpo", "é": [1, 2.5]}, {"arm": "sft"}]
    assert record["versions"] == provenance()["versions"]
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_provenance_is_that_of_this_process() -> None:
    found = provenance()
    assert found["versions"]["python"] == platform.python_version()
    for package in PACKAGES:
        assert found["versions"][package] == version(package)
    assert {"torch", "transformers", "llm-game-env"} <= set(found["versions"])
    assert found["machine"]["system"] == platform.platform()
    # The model where it is known: what is reproducible to the bit depends on it.
    processor = found["machine"]["processor"]
    cpuinfo = Path("/proc/cpuinfo")
    assert processor
    if cpuinfo.exists() and "model name" in cpuinfo.read_text(encoding="utf-8"):
        assert processor in cpuinfo.read_text(encoding="utf-8")
