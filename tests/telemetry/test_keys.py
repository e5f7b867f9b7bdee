"""The keys that values are hashed with."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from sentinel.core.errors import ConfigError
from sentinel.telemetry.keys import RedactionConfig, load_redactors

OLD, NEW = "0" * 63 + "1", "0" * 63 + "2"


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = load_redactors(RedactionConfig(), tmp_path)
    assert load_redactors(RedactionConfig(), tmp_path) == first
    assert (tmp_path / "hmac.keys").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        keys = pool.starmap(load_redactors, [(RedactionConfig(), tmp_path)] * 6)
    assert len({found[0].key for found in keys}) == 1


def test_the_last_line_hashes_and_older_keys_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# rotated in spring\nold {OLD}\nnew {NEW}\n")
    redactors = load_redactors(RedactionConfig(key_file=file), tmp_path)
    assert [redactor.key_id for redactor in redactors] == ["new", "old"]


def test_the_environment_precedes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_HMAC_KEYS", f"env {NEW}")
    assert load_redactors(RedactionConfig(), tmp_path)[0].key_id == "env"
    assert not (tmp_path / "hmac.keys").exists()


@pytest.mark.parametrize("text", ["", "k1\n", "k1 xyz\n", "k1 0123\n", f"k1 {NEW}0\n"])
def test_a_bad_key_is_told_without_quoting_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(ConfigError, match="redaction.key_file") as caught:
        load_redactors(RedactionConfig(key_file=file), tmp_path)
    assert NEW not in str(caught.value) and "xyz" not in str(caught.value)


def test_a_missing_key_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load_redactors(RedactionConfig(key_file=tmp_path / "nowhere"), tmp_path)


def test_a_state_folder_that_cannot_be_written_is_told_by_key(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError, match=r"state_dir: cannot make .*hmac.keys"):
        load_redactors(RedactionConfig(), tmp_path / "state")
