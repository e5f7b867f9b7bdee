"""`sentinel envoy-config`; whether Envoy accepts it is for tests/peers to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.cli.envoy_config import bootstrap
from tests.cli.test_serve import sentinel


def made(*arguments: str | Path) -> dict[str, Any]:
    done = sentinel("envoy-config", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    value: dict[str, Any] = yaml.safe_load(done.stdout)
    return value


def places(value: Any) -> list[tuple[str, Any]]:
    """Every socket in it."""
    if isinstance(value, list):
        return [place for each in value for place in places(each)]
    if not isinstance(value, dict):
        return []
    if "port_value" in value:
        return [(value["address"], value["port_value"])]
    return [place for each in value.values() for place in places(each)]


def ext_proc(value: dict[str, Any]) -> dict[str, Any]:
    (listener,) = value["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    found: dict[str, Any] = manager["http_filters"][0]["typed_config"]
    return found


def test_it_fails_closed_and_streams_both_ways() -> None:
    filter_ = ext_proc(made())
    assert filter_["failure_mode_allow"] is False
    assert {mode for name, mode in filter_["processing_mode"].items() if "body" in name} == {
        "FULL_DUPLEX_STREAMED"
    }
    assert {mode for name, mode in filter_["processing_mode"].items() if "body" not in name} == {"SEND"}


def test_everything_is_on_loopback_unless_told() -> None:
    assert {host for host, _ in places(made())} == {"127.0.0.1"}


def test_the_configuration_gives_the_addresses(tmp_path: Path) -> None:
    file = tmp_path / "sentinel.yaml"
    file.write_text('listen: {ext_proc: "127.0.0.1:7001"}\nupstream: {http: "http://127.0.0.1:7002"}\n')
    assert places(made("--config", file)) == [
        ("127.0.0.1", 9901),
        ("127.0.0.1", 10000),
        ("127.0.0.1", 7002),
        ("127.0.0.1", 7001),
    ]
    assert places(made("--config", file, "--ext-proc", "[::1]:1", "--listen", "0.0.0.0:2"))[1:] == [
        ("0.0.0.0", 2),
        ("127.0.0.1", 7002),
        ("::1", 1),
    ]


def clusters(**options: Any) -> dict[str, dict[str, Any]]:
    given = {"listen": "127.0.0.1:1", "upstream": "http://h:2", "ext_proc": "s:3", "admin": "127.0.0.1:4"}
    found = bootstrap(**{**given, **options})["static_resources"]["clusters"]
    return {cluster["name"]: cluster for cluster in found}


def test_a_unix_socket() -> None:
    sentinel_ = clusters(ext_proc="unix:/run/sentinel.sock")["sentinel"]
    assert sentinel_["type"] == "STATIC"
    assert "{'pipe': {'path': '/run/sentinel.sock'}}" in str(sentinel_)


def test_a_model_server_over_https() -> None:
    model = clusters(upstream="https://api.example.com/v2")["model"]
    assert places(model) == [("api.example.com", 443)]
    context = model["transport_socket"]["typed_config"]
    assert context["sni"] == "api.example.com"
    trusted = context["common_tls_context"]["validation_context"]
    assert {name["matcher"]["exact"] for name in trusted["match_typed_subject_alt_names"]} == {
        "api.example.com"
    }


def test_tls_to_sentinel(tmp_path: Path) -> None:
    assert "transport_socket" not in clusters()["sentinel"]
    assert str(tmp_path / "ca.pem") in str(clusters(ca=tmp_path / "ca.pem")["sentinel"]["transport_socket"])


@pytest.mark.parametrize(
    "option",
    [("--upstream", "nowhere"), ("--listen", "nowhere"), ("--ext-proc", "nowhere"), ("--admin", "x:y")],
)
def test_an_address_that_is_none(option: tuple[str, str]) -> None:
    done = sentinel("envoy-config", *option)
    assert (done.returncode, done.stdout) == (1, "")
    assert "must be" in done.stderr and "Traceback" not in done.stderr
