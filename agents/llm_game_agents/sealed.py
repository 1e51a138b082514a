"""A folder that is whole, or is not there, and that shows when it has been damaged since.

It is filled under another name; its files are listed in SHA256SUMS, as `sha256sum -c` reads it, and
forced to the disk; only then does it get its name.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

SUMS = "SHA256SUMS"
PARTIAL = ".partial"
OLD = ".old"


def write_sealed(final: Path, fill: Callable[[Path], None]) -> None:
    """Makes a folder; one of the same name stays whole until the new one is.

    Args:
        final: the folder.
        fill: writes into the folder that it is given. What it raises goes on to the caller, and
            what it had written is removed, so that a full disk has its room back.
    """
    partial, old = (final.with_name(final.name + ending) for ending in (PARTIAL, OLD))
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        fill(partial)
        _seal(partial)
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            final.rename(old)  # Deleting takes a while, in which an interrupt would leave half.
        partial.rename(final)
        for parent in final.resolve().parents[:2]:  # The first of them may be new as well.
            _force_to_disk(parent)
    except Exception:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder, the first thing found; None where it is whole."""
    try:
        sums = _read_sums(folder)
        files = {_name(folder, file): file for file in _files(folder)}
        for name in sorted(sums.keys() | files.keys()):
            if name not in files:
                return f"{name} is missing"
            if name not in sums:
                return f"{name} is not in {SUMS}"
            if _digest(files[name]) != sums[name]:
                return f"{name} is not what {SUMS} says"
    except (OSError, ValueError) as error:
        return str(error)
    return None


def link_sealed(source: Path, part: str, target: Path) -> bool:
    """Hard-links a part of a sealed folder into another, to save writing it once more.

    Args:
        source: the sealed folder.
        part: a folder in it.
        target: where the part goes; made.

    Returns:
        Whether it is there now; not where it is missing, damaged, or cannot be linked.
    """
    try:
        sums = _read_sums(source)
        names = [_name(source, file) for file in _files(source / part)]
        listed = {name for name in sums if name.startswith(f"{part}/")}
        # A damaged file would get a checksum that fits it.
        if not names or listed != set(names):
            return False
        if any(_digest(source / name) != sums[name] for name in names):
            return False
        for name in names:
            link = target / Path(name).relative_to(part)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(source / name, link)
    except (OSError, ValueError):
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def remove(folder: Path) -> None:
    """Deletes a sealed folder; its name is gone first, so that no half of it passes for it."""
    old = folder.with_name(folder.name + OLD)
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _seal(folder: Path) -> None:
    files = _files(folder)
    lines = [f"{_digest(file)}  {_name(folder, file)}\n" for file in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    directories = [path for path in folder.rglob("*") if path.is_dir()]
    for path in [*files, folder / SUMS, *directories, folder]:
        _force_to_disk(path)


def _files(folder: Path) -> list[Path]:
    """All files of a folder in order, but for the list of sums."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name != SUMS)


def _read_sums(folder: Path) -> dict[str, str]:
    """Digest by name; ValueError for a line that is none."""
    text = (folder / SUMS).read_bytes().decode("utf-8")
    sums: dict[str, str] = {}
    for number, line in enumerate(text.split("\n")[:-1], 1):
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap != "  " or not name or name in sums:
            raise ValueError(f"{SUMS}, line {number}: not a checksum and a name")
        sums[name] = digest
    if not text.endswith("\n"):
        raise ValueError(f"{SUMS} has been cut off")
    return sums


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _force_to_disk(path: Path) -> None:
    if path.is_dir() and os.name != "posix":  # Elsewhere folders cannot be opened.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
