"""The model plane as a process, over a real unix socket and over TLS."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import trustme

from sentinel.models import wire
from sentinel.models.base import Passage
from sentinel.models.client import BlockingModelClient
from tests.e2e.processes import ROOT
from tests.e2e.test_failing_upstream import free_port
from tests.models.running import TOY, Running, model_plane, settled, written

PLENTY = 20_000
LATE = wire.encode(wire.request([Passage("rude")], ["manners"], -5))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`manners` works, `lost` lacks its file, `narrow` lets one text wait."""
    folder = tmp_path_factory.mktemp("p")
    detectors = {
        "manners": {"kind": TOY, "deadline_ms": PLENTY},
        "lost": {"kind": TOY, "path": str(folder / "weights.bin")},
        "narrow": {"kind": TOY, "queue": 1, "max_batch": 1, "pause_s": 0.2, "deadline_ms": PLENTY},
    }
    with model_plane(folder, detectors) as it:
        yield it


@pytest.fixture
def client(plane: Running) -> Iterator[BlockingModelClient]:
    client = BlockingModelClient(plane.socket)
    yield client
    client.close()


def test_an_answer_for_each_passage(client: BlockingModelClient) -> None:
    found = client.inspect(
        [Passage("so rude"), Passage("rude start", 5), Passage("fine")], ["manners"], PLENTY
    )
    assert [[(f.start, f.end) for f in each.findings] for each in found] == [[(3, 7)], [], []]
    assert client.versions == {"manners": "toy-1"}


def test_the_socket_is_its_users_alone(plane: Running) -> None:
    path = Path(plane.socket.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_model_that_lacks_its_file_says_which(plane: Running, client: BlockingModelClient) -> None:
    missing = f"models.detectors.lost.path: {plane.config_file.parent / 'weights.bin'} does not exist"
    (found,) = client.inspect([Passage("rude")], ["lost"], PLENTY)
    assert found.failed == {"lost": f"it is not loaded: {missing}"}
    told = client.health()
    assert told is not None
    assert {model.name: model.state for model in told.models} == {
        "manners": "ready",
        "lost": "broken",
        "narrow": "ready",
    }
    assert told.models[1].why == missing


def test_a_full_queue(client: BlockingModelClient) -> None:
    texts = [f"text {number}" for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as callers:
        found = callers.map(lambda text: client.inspect([Passage(text)], ["narrow"], PLENTY)[0], texts)
    told = [each.failed.get("narrow", "") for each in found]
    assert set(told) == {"", "its queue is full (1 texts wait)"}


def test_a_call_with_more_texts_than_the_queue_holds_is_answered(client: BlockingModelClient) -> None:
    found = client.inspect([Passage(f"rude {number}") for number in range(3)], ["narrow"], PLENTY)
    assert [len(each.findings) for each in found] == [1] * 3


def test_a_slow_model_is_late_for_some_and_not_for_others(client: BlockingModelClient) -> None:
    (late,) = client.inspect([Passage("sleep one")], ["manners"], 100)
    assert late.failed == {"manners": "no answer within 100 ms"}
    assert client.inspect([Passage("sleep two")], ["manners"], PLENTY)[0].failed == {}


@pytest.mark.parametrize("data", [b"", b"\xff\xff", wire.encode({"detectors": []}), LATE])
def test_what_is_no_request_is_refused(plane: Running, data: bytes) -> None:
    with grpc.insecure_channel(plane.socket) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(wire.INSPECT)(data, timeout=20)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_one_plane_a_socket(plane: Running) -> None:
    command = [sys.executable, "-m", "sentinel.cli", "models", "--config", str(plane.config_file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1
    assert "models.listen: another model plane listens on unix:" in done.stderr


def test_status_and_prepare(plane: Running) -> None:
    command = [sys.executable, "-m", "sentinel.cli", "models"]
    for name, shown in (("status", "ready"), ("prepare", "manners: ready")):
        done = subprocess.run(
            [*command, name, "--config", str(plane.config_file)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
            env={**os.environ, "COLUMNS": "160"},
        )
        assert done.returncode == 1  # `lost` is broken
        assert "models.detectors.lost.path" in done.stdout + done.stderr
        assert shown in done.stdout + done.stderr


def test_prepare_tells_whatever_a_library_raises_and_goes_on(tmp_path: Path) -> None:
    detectors = {"faulty": {"kind": "tests.models.toys:Faulty"}, "manners": {"kind": TOY}}
    file = written(tmp_path, {"detectors": detectors})
    command = [sys.executable, "-m", "sentinel.cli", "models", "prepare", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1
    assert "models.detectors.faulty: it raised OSError ([Errno 5] Input/output error)" in done.stderr
    assert "manners: ready" in done.stderr


def test_it_drains(tmp_path: Path) -> None:
    with model_plane(tmp_path, {"manners": {"kind": TOY, "deadline_ms": PLENTY}}) as it:
        client = BlockingModelClient(it.socket)
        assert client.inspect([Passage("rude")], ["manners"], PLENTY)[0].findings
        it.process.send_signal(signal.SIGTERM)
        assert it.process.wait(30) == 0
        (found,) = client.inspect([Passage("rude")], ["manners"], PLENTY)
        assert found.failed == {"manners": "the model plane cannot be reached"}
        client.close()


def test_a_model_that_hangs_ends_the_process(tmp_path: Path) -> None:
    with model_plane(tmp_path, {"manners": {"kind": TOY, "stuck_s": 0.2, "deadline_ms": PLENTY}}) as it:
        client = BlockingModelClient(it.socket)
        (found,) = client.inspect([Passage("hang")], ["manners"], PLENTY)
        assert found.failed["manners"] in ("it hangs since 0.2 s", "the model plane cannot be reached")
        assert it.process.wait(30) == 3
        client.close()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issued in (
        ("server", authority.issue_cert("localhost")),
        ("client", authority.issue_cert("sidecar.example.com")),
    ):
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return folder


class TestPool:
    """A plane that other machines share."""

    def test_mutual_tls(self, tmp_path: Path, pki: Path) -> None:
        address, admin = (f"localhost:{free_port()}" for _ in range(2))
        tls = {key: str(pki / file) for key, file in
               (("certificate", "server.pem"), ("key", "server.key"), ("client_ca", "ca.pem"))}  # fmt: skip
        authority = (pki / "ca.pem").read_bytes()
        pair = (pki / "client.key").read_bytes(), (pki / "client.pem").read_bytes()
        detectors = {"manners": {"kind": TOY, "deadline_ms": PLENTY}}
        with model_plane(tmp_path, detectors, listen=address, tls=tls, admin=admin):
            ours = grpc.ssl_channel_credentials(authority, *pair)
            assert [model.state for model in settled(address, ours).models] == ["ready"]
            known = BlockingModelClient(address, ours)
            assert known.inspect([Passage("rude")], ["manners"], PLENTY)[0].findings
            known.close()
            for stranger in (grpc.ssl_channel_credentials(authority), None):
                client = BlockingModelClient(address, stranger)
                (found,) = client.inspect([Passage("rude")], ["manners"], PLENTY)
                assert found.failed == {"manners": "the model plane cannot be reached"}
                client.close()
            with urllib.request.urlopen(f"http://{admin}/readyz", timeout=20) as answer:
                assert (answer.status, b'"ready":true' in answer.read()) == (200, True)
            with urllib.request.urlopen(f"http://{admin}/metrics", timeout=20) as answer:
                assert b'sentinel_model_texts_total{answer="asked",model="manners"} 1.0' in answer.read()

    def test_a_pool_with_a_broken_model_is_not_ready(self, tmp_path: Path) -> None:
        admin = f"127.0.0.1:{free_port()}"
        lost = {"kind": TOY, "path": str(tmp_path / "none")}
        with model_plane(tmp_path, {"lost": lost}, admin=admin):
            with pytest.raises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(f"http://{admin}/readyz", timeout=20)
            with raised.value as answer:
                assert (answer.code, b"does not exist" in answer.read()) == (503, True)
