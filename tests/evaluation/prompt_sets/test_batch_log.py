"""The file itself: what is kept, what is dropped, what is refused."""

import errno
import json
import os
from pathlib import Path

import pytest

from llm_game_env.errors import ConfigurationError, TrainingError
from llm_game_env.evaluation.prompt_sets.batch_log import BatchLog

HEADER = {"what": "answers", "seed": 1}


def open_log(folder: Path) -> BatchLog:
    return BatchLog(folder / "new" / "a.jsonl", HEADER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of two batches, of two rows and of one."""
    with open_log(tmp_path) as log:
        log.append([{"id": "a", "x": 1}, {"id": "b", "x": "é\u2028\ud83d\n"}])
        log.append([{"id": "c", "x": None}])
        assert log.rows["b"] == {"id": "b", "x": "é\u2028\ud83d\n"}
    return log.path


def reopened(path: Path) -> dict[str, dict[str, object]]:
    with BatchLog(path, HEADER) as log:
        return log.rows


def test_rows_come_back_as_they_were(path: Path) -> None:
    assert reopened(path) == {
        "a": {"id": "a", "x": 1},
        "b": {"id": "b", "x": "é\u2028\ud83d\n"},
        "c": {"id": "c", "x": None},
    }
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == '{"what": "answers", "seed": 1}'
    assert lines[1] == '{"id": "a", "x": 1, "more": 1}'
    assert lines[2] == '{"id": "b", "x": "é\u2028\\ud83d\\n", "more": 0}'
    assert lines[4] == ""


def test_a_batch_that_was_cut_off_is_dropped_and_the_file_goes_on(path: Path) -> None:
    content = path.read_bytes()
    first = content.index(b'{"id": "a"')
    second = content.index(b'{"id": "c"')
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        kept = reopened(path)
        if cut < second:
            assert kept == {}
            assert path.read_bytes() == content[:first]
        else:
            assert list(kept) == ["a", "b"]
            assert path.read_bytes() == content[:second]
    with BatchLog(path, HEADER) as log:
        log.append([{"id": "c", "x": None}])
    assert path.read_bytes() == content


def test_zeros_at_the_end_are_dropped(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 100)  # as a file system may leave after a power cut
    assert list(reopened(path)) == ["a", "b", "c"]
    assert path.read_bytes() == content


def test_a_damaged_line_in_the_middle_is_refused_and_kept(path: Path) -> None:
    content = path.read_bytes().replace(b'{"id": "a"', b'{"ad": "a"')
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"a\.jsonl, line 2: .* is no row; delete"):
        reopened(path)
    assert path.read_bytes() == content
    path.write_bytes(b"\n".join(line for line in content.split(b"\n") if b'"ad"' not in line))
    assert list(reopened(path)) == ["b", "c"]


def test_a_file_of_something_else_is_refused_and_kept(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"other settings: seed 1, not 2; go on with"):
        BatchLog(path, {**HEADER, "seed": 2})
    with pytest.raises(ConfigurationError, match="name None, not 'x'; seed 1, not None"):
        BatchLog(path, {"what": "answers", "name": "x"})
    with pytest.raises(ConfigurationError, match="does not hold verdicts; give another folder"):
        BatchLog(path, {"what": "verdicts"})
    for content in (b"my notes\n", b'["a list"]\n', b"\n"):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="does not hold answers; give another folder"):
            reopened(path)
        assert path.read_bytes() == content


def test_one_process_writes_at_a_time(path: Path) -> None:
    with (
        BatchLog(path, HEADER),
        pytest.raises(ConfigurationError, match="is being written by another evaluation"),
    ):
        BatchLog(path, HEADER)
    assert len(reopened(path)) == 3  # closed, so free again


def test_a_full_disk_leaves_whole_batches(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, write = path.read_bytes(), os.pwrite

    def full(file: int, data: bytes, offset: int, /) -> int:
        if offset > len(content):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:7], offset)

    with BatchLog(path, HEADER) as log:
        with monkeypatch.context() as patch:
            patch.setattr("os.pwrite", full)
            with pytest.raises(TrainingError, match=r"No space left .* then run again"):
                log.append([{"id": "d"}])
        assert path.read_bytes() == content
        assert "d" not in log.rows
        log.append([{"id": "d"}])
    assert list(reopened(path)) == ["a", "b", "c", "d"]


def test_short_writes_are_gone_on_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr("os.pwrite", lambda file, data, offset: write(file, data[:5], offset))
    with BatchLog(path, HEADER) as log:
        log.append([{"id": "d", "x": "long enough"}, {"id": "e"}])
    last = path.read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last) == {"id": "e", "more": 0}


def test_a_batch_is_synced_before_it_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda file: synced.append(os.fstat(file).st_size))
    with BatchLog(path, HEADER) as log:
        log.append([{"id": "d"}])
    assert synced == [path.stat().st_size]


def test_a_folder_that_cannot_be_made_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"file/new/a\.jsonl' cannot be written"):
        open_log(tmp_path / "file")
