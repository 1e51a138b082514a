"""Folders that are whole or not there, and that show damage."""

import hashlib
import os
from pathlib import Path

import pytest

from llm_game_agents.sealed import damage, link_sealed, remove, write_sealed

CONTENT = {"a.txt": b"first\n", "below/b.bin": bytes(range(256)), "below/empty": b""}


def fill(folder: Path) -> None:
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "sealed", fill)
    return tmp_path / "sealed"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_sums_are_as_sha256sum_writes_them(sealed: Path) -> None:
    found = files(sealed)
    lines = found.pop("SHA256SUMS").decode().splitlines()
    assert found == CONTENT
    assert lines == [f"{hashlib.sha256(CONTENT[name]).hexdigest()}  {name}" for name in CONTENT]
    # As `printf 'first\n' | sha256sum` has it.
    assert lines[0].startswith("b640e840b19d3786")
    assert damage(sealed) is None


@pytest.mark.parametrize("name", ["a.txt", "below/b.bin", "SHA256SUMS"])
def test_no_bit_can_flip_unseen(name: str, sealed: Path) -> None:
    content = (sealed / name).read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8)
        (sealed / name).write_bytes(flipped)
        assert damage(sealed) is not None, position
    (sealed / name).write_bytes(content)
    assert damage(sealed) is None


@pytest.mark.parametrize("name", ["a.txt", "below/b.bin", "SHA256SUMS"])
def test_no_end_can_be_cut_off_unseen(name: str, sealed: Path) -> None:
    content = (sealed / name).read_bytes()
    for length in range(len(content)):
        (sealed / name).write_bytes(content[:length])
        assert damage(sealed) is not None, length


def test_what_is_wrong_is_named(sealed: Path) -> None:
    (sealed / "a.txt").write_bytes(b"First\n")
    assert damage(sealed) == "a.txt is not what SHA256SUMS says"
    (sealed / "a.txt").unlink()
    assert damage(sealed) == "a.txt is missing"
    (sealed / "a.txt").write_bytes(CONTENT["a.txt"])
    (sealed / "stray").touch()
    assert damage(sealed) == "stray is not in SHA256SUMS"
    (sealed / "SHA256SUMS").write_text("hello\n")
    assert damage(sealed) == "SHA256SUMS, line 1: not a checksum and a name"
    (sealed / "SHA256SUMS").unlink()
    assert "SHA256SUMS" in (damage(sealed) or "")


def test_what_is_not_whole_does_not_replace_what_is(sealed: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_sealed(sealed, fail)
    assert damage(sealed) is None
    assert [path.name for path in sealed.parent.iterdir()] == ["sealed"]
    write_sealed(sealed, lambda folder: (folder / "new").touch())
    assert files(sealed).keys() == {"new", "SHA256SUMS"}


def test_everything_is_on_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    write_sealed(tmp_path / "sealed", fill)
    before = events[: events.index("rename")]
    assert sorted(before) == sorted(
        ["a.txt", "b.bin", "empty", "SHA256SUMS", "below", "sealed.partial"]
    )
    assert events[len(before) + 1] == tmp_path.name


def test_a_part_is_linked(sealed: Path, tmp_path: Path) -> None:
    assert link_sealed(sealed, "below", tmp_path / "target" / "part")
    linked = tmp_path / "target" / "part" / "b.bin"
    assert linked.samefile(sealed / "below" / "b.bin")
    assert files(tmp_path / "target" / "part").keys() == {"b.bin", "empty"}


@pytest.mark.parametrize("change", ["flip", "cut", "remove", "add"])
def test_a_damaged_part_is_not_linked(change: str, sealed: Path, tmp_path: Path) -> None:
    file = sealed / "below" / "b.bin"
    if change == "remove":
        file.unlink()
    elif change == "add":
        (sealed / "below" / "stray").touch()
    else:
        file.write_bytes(b"\x01" + CONTENT["below/b.bin"][1:] if change == "flip" else b"")
    assert not link_sealed(sealed, "below", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert not link_sealed(sealed, "nowhere", tmp_path / "target")


def test_where_links_fail_nothing_is_left(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert not link_sealed(sealed, "below", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_folder_is_removed(sealed: Path) -> None:
    remove(sealed)
    assert not list(sealed.parent.iterdir())
