"""TLS and mutual TLS, towards callers and towards the upstream, with an authority made for the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from tests.e2e import infer
from tests.e2e.client import INFER, PASS, Call, Control, observe
from tests.e2e.processes import Torture, torture
from tests.e2e.sidecar import Sidecar, start_sidecar

REQUESTS = {PASS: (b"a",), INFER: (infer.request("hello"),)}
BOTH = pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem; server.* for `localhost` alone; client.*; stranger.* of another authority (other.pem)."""
    directory = tmp_path_factory.mktemp("pki")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    other.cert_pem.write_to_path(directory / "other.pem")
    for name, issued in (
        ("server", authority.issue_cert("localhost")),
        ("client", authority.issue_cert("caller@example.com")),
        ("stranger", other.issue_cert("stranger@example.com")),
    ):
        issued.private_key_pem.write_to_path(directory / f"{name}.key")
        (directory / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return directory


def credentials(pki: Path, who: str | None = None, trusting: str = "ca") -> grpc.ChannelCredentials:
    pair = ((pki / f"{who}.key").read_bytes(), (pki / f"{who}.pem").read_bytes()) if who else (None, None)
    return grpc.ssl_channel_credentials((pki / f"{trusting}.pem").read_bytes(), *pair)


def named(address: str) -> str:
    """The certificate names `localhost`, and so must the caller."""
    return address.replace("127.0.0.1", "localhost")


def code(address: str, method: str, given: grpc.ChannelCredentials | None) -> str:
    return observe(named(address), Call(infer.answer("x"), REQUESTS[method], method, timeout=5), given).code


@pytest.fixture(scope="module", params=[False, True], ids=["TLS", "mutual TLS"])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: Torture, pki: Path
) -> Iterator[tuple[Sidecar, bool]]:
    tls = {"certificate": str(pki / "server.pem"), "key": str(pki / "server.key")}
    if request.param:
        tls["client_ca"] = str(pki / "ca.pem")
    directory = tmp_path_factory.mktemp("front")
    with start_sidecar(directory, upstream.address, listen={"tls": tls}) as it:
        yield it, request.param


@BOTH
def test_callers(front: tuple[Sidecar, bool], pki: Path, method: str) -> None:
    sidecar, mutual = front
    assert code(sidecar.address, method, credentials(pki, "client")) == "OK"
    assert code(sidecar.address, method, credentials(pki)) == ("UNAVAILABLE" if mutual else "OK")
    assert code(sidecar.address, method, credentials(pki, trusting="other")) == "UNAVAILABLE"
    assert code(sidecar.address, method, None) == "UNAVAILABLE"
    if mutual:
        assert code(sidecar.address, method, credentials(pki, "stranger")) == "UNAVAILABLE"


@pytest.fixture(scope="module", params=[False, True], ids=["TLS", "mutual TLS"])
def secure(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: Path
) -> Iterator[tuple[Torture, bool]]:
    options = ["--tls", str(pki), *(["--mutual"] if request.param else [])]
    with torture(tmp_path_factory.mktemp("secure"), *options) as started:
        started.control = Control(named(started.address), credentials(pki, "client"))
        yield started, request.param


class TestUpstream:
    @pytest.mark.parametrize("name", ["in the address", "as server_name"])
    def test_trusted(self, tmp_path: Path, secure: tuple[Torture, bool], pki: Path, name: str) -> None:
        upstream, _ = secure
        pair = {"certificate": str(pki / "client.pem"), "key": str(pki / "client.key")}
        tls = {"ca": str(pki / "ca.pem"), **pair}
        address = upstream.address
        if name == "as server_name":
            tls["server_name"] = "localhost"
        else:
            address = named(address)
        with start_sidecar(tmp_path, address, upstream={"tls": tls}) as sidecar:
            assert code(sidecar.address, PASS, None) == "OK"
            assert code(sidecar.address, INFER, None) == "OK"

    def test_untrusted(self, tmp_path: Path, secure: tuple[Torture, bool], pki: Path) -> None:
        """The caller is told that the upstream cannot be reached; nothing of the call is sent."""
        upstream, _ = secure
        tls = {"ca": str(pki / "other.pem"), "server_name": "localhost"}
        with start_sidecar(tmp_path, upstream.address, until_ready=False, upstream={"tls": tls}) as sidecar:
            call = Call([["send", 0]], timeout=5)
            assert observe(sidecar.address, call).code == "UNAVAILABLE"
            assert upstream.control.seen(call)["peer"] == ""
            assert sidecar.get("/readyz")[0] == 503

    def test_without_our_certificate(self, tmp_path: Path, secure: tuple[Torture, bool], pki: Path) -> None:
        upstream, mutual = secure
        tls = {"ca": str(pki / "ca.pem"), "server_name": "localhost"}
        with start_sidecar(
            tmp_path, upstream.address, until_ready=not mutual, upstream={"tls": tls}
        ) as sidecar:
            assert code(sidecar.address, PASS, None) == ("UNAVAILABLE" if mutual else "OK")


def test_both_sides_at_once(tmp_path: Path, secure: tuple[Torture, bool], pki: Path) -> None:
    upstream, _ = secure
    ours = {"certificate": str(pki / "server.pem"), "key": str(pki / "server.key")}
    towards = {"ca": str(pki / "ca.pem"), "server_name": "localhost"}
    towards |= {"certificate": str(pki / "client.pem"), "key": str(pki / "client.key")}
    listen = {"tls": {**ours, "client_ca": str(pki / "ca.pem")}}
    with start_sidecar(tmp_path, upstream.address, listen=listen, upstream={"tls": towards}) as sidecar:
        call = Call([["echo"]], (b"a", b"b"))
        given = credentials(pki, "client")
        direct = observe(named(upstream.address), call, given)
        assert observe(named(sidecar.address), call.again(), given) == direct
