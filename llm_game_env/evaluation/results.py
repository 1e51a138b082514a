"""Results on disk, with everything that is needed to know how they came about."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("llm-game-env", "torch", "transformers", "gymnasium", "pettingzoo", "numpy")


def provenance() -> dict[str, Any]:
    """Versions and machine."""
    return {
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "machine": {"system": platform.platform(), "processor": _processor()},
    }


def _processor() -> str:
    """Its model, which decides how sums are rounded; the architecture where that is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def write_results(path: Path, flags: Any, config: Any, arms: Sequence[dict[str, Any]]) -> None:
    """Writes flags, configuration (both dataclasses), provenance and one record an arm as JSON."""
    record = {
        "flags": asdict(flags),
        "config": asdict(config),
        **provenance(),
        "arms": list(arms),
    }
    path.write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
