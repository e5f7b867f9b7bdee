"""Mistakes in the configuration are told at once, each with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.cli.config_reference import reference
from sentinel.config import SentinelConfig, load_config
from sentinel.core.errors import ConfigErrors


def written(folder: Path, text: str) -> Path:
    file = folder / "sentinel.yaml"
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config(None) == SentinelConfig()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing yet\n")).upstream == SentinelConfig().upstream


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("wrokers: 2\n", 1, "wrokers"),
        ("workers: many\n", 1, "workers"),
        ("workers: 0\n", 1, "workers"),
        ("upstream:\n  adress: localhost:1\n", 2, "upstream.adress"),
        ("listen:\n  grpc: 8081\n", 2, "listen.grpc"),
        ("listen:\n  grpc: localhost\n", 2, "listen.grpc"),
        ("limits:\n\n  max_message_bytes: 12\n", 3, "limits.max_message_bytes"),
        ("unknown_methods: ignore\n", 1, "unknown_methods"),
        ("unknown_paths: ignore\n", 1, "unknown_paths"),
        ("listen:\n  http: 8080\n", 2, "listen.http"),
        ("upstream:\n  http: localhost:8000\n", 2, "upstream.http"),
        ("refusal:\n  http_status: 200\n", 2, "refusal.http_status"),
        ("spool:\n  sync: never\n", 2, "spool.sync"),
        ("workers: 1\nworkers: 2\n", 2, "workers"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path: Path, text: str, line: int, key: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigErrors) as caught:
        load_config(file)
    (error,) = caught.value.errors
    assert (error.file, error.line, error.key) == (str(file), line, key)


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load_config(written(tmp_path, "wrokers: 2\ndrain_s: -1\n"))
    assert [error.key for error in caught.value.errors] == ["drain_s", "wrokers"]


@pytest.mark.parametrize("text", ["- a list\n", "just text\n", "a: [1\n"])
def test_what_is_no_mapping_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigErrors):
        load_config(written(tmp_path, text))


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="nowhere.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_a_unix_socket_has_one_owner(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="workers must be 1"):
        load_config(written(tmp_path, "workers: 2\nlisten: {grpc: 'unix:/tmp/s'}\n"))


@pytest.mark.parametrize(
    ("listen", "grpc", "http"),
    [
        ("{}", "127.0.0.1:8081", None),
        ("{http: 'localhost:1'}", None, "localhost:1"),
        ("{http: 'localhost:1', grpc: 'localhost:2'}", "localhost:2", "localhost:1"),
    ],
)
def test_the_ways_in(tmp_path: Path, listen: str, grpc: str | None, http: str | None) -> None:
    """gRPC is on unless only HTTP is asked for."""
    config = load_config(written(tmp_path, f"listen: {listen}\nupstream: {{http: 'http://localhost:9/'}}\n"))
    assert (config.listen.grpc, config.listen.http) == (grpc, http)
    assert config.upstream.http == "http://localhost:9"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listen: {grpc: null}\n", "are all off"),
        ("listen: {http: 'localhost:1'}\n", "listen.http needs upstream.http"),
    ],
)
def test_a_way_in_leads_somewhere(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigErrors, match=words):
        load_config(written(tmp_path, text))


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    config = load_config(
        written(
            tmp_path,
            "state_dir: state\nrules: {paths: [../rules, /etc/rules]}\nredaction: {key_file: k}\n"
            "detectors: {pii: {recognizers: [own.yaml]}}\n",
        )
    )
    assert config.detectors.pii.recognizers == [tmp_path / "own.yaml"]
    assert config.state_dir == tmp_path / "state"
    assert config.rules.paths == (tmp_path.parent / "rules", Path("/etc/rules"))
    assert config.redaction.key_file == tmp_path / "k"


def test_the_reference_names_every_key_with_its_meaning() -> None:
    text = reference()
    for key in ("state_dir", "listen.tls.client_ca", "limits.max_text_chars", "store.ttl_days.traces"):
        assert f"| `{key}` |" in text
    assert all(not line.endswith("|  |") for line in text.splitlines())
