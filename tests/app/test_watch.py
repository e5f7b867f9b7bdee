"""Changed files are noticed once, and only when they have settled."""

from __future__ import annotations

from pathlib import Path

from sentinel.app.watch import Watch


def test_a_change_is_told_once_after_it_settled(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text("1")
    watch = Watch(None, [rules])
    assert not watch.changed()
    (rules / "a.yaml").write_text("22")
    assert [watch.changed() for _ in range(3)] == [False, True, False]


def test_a_file_that_keeps_changing_is_not_read_halfway(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watch = Watch(file, [])
    for text in ("22", "333", "4444"):
        file.write_text(text)
        assert not watch.changed()
    assert watch.changed()


def test_new_removed_and_foreign_files(tmp_path: Path) -> None:
    watch = Watch(None, [tmp_path])
    (tmp_path / "notes.txt").write_text("not a rule file")
    assert [watch.changed() for _ in range(2)] == [False, False]
    (tmp_path / "b.yml").write_text("1")
    assert [watch.changed() for _ in range(2)] == [False, True]
    (tmp_path / "b.yml").unlink()
    assert [watch.changed() for _ in range(2)] == [False, True]


def test_a_swapped_symlink_is_a_change(tmp_path: Path) -> None:
    """A Kubernetes ConfigMap is updated by pointing a link at another folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(name)
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "one")
    watch = Watch(None, [link])
    link.unlink()
    link.symlink_to(tmp_path / "two")
    assert [watch.changed() for _ in range(2)] == [False, True]
