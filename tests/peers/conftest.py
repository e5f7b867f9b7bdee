"""One of each peer for the whole run; an environment is made when the first test needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.peers import running
from tests.peers.environments import TRITONCLIENT, ensure

# The first test that needs a peer installs it.
INSTALL_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("peers"):
            item.add_marker(pytest.mark.timeout(INSTALL_S))


@pytest.fixture(scope="session")
def tritonclient_python() -> Path:
    return ensure(TRITONCLIENT)


@pytest.fixture(scope="session")
def triton_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.TritonClient]:
    with running.triton_client(tmp_path_factory.mktemp("tritonclient")) as client:
        yield client


@pytest.fixture(scope="session")
def triton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    with running.triton_server(tmp_path_factory.mktemp("triton")) as server:
        yield server


@pytest.fixture(scope="session")
def mlserver_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    with running.mlserver_server(tmp_path_factory.mktemp("mlserver")) as server:
        yield server


@pytest.fixture(scope="session")
def stand_in_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    with running.stand_in_server(tmp_path_factory.mktemp("stand-in")) as server:
        yield server


@pytest.fixture(scope="session")
def openai_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Client]:
    with running.openai_client(tmp_path_factory.mktemp("openai")) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Client]:
    with running.anthropic_client(tmp_path_factory.mktemp("anthropic")) as client:
        yield client


@pytest.fixture(scope="session")
def http_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    """The stand-in over HTTP; a stream of a hundred words takes half a second."""
    with running.stand_in_http_server(tmp_path_factory.mktemp("http-model"), "--delay-ms", "2") as server:
        yield server


@pytest.fixture(scope="session")
def litserve_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    with running.litserve_server(tmp_path_factory.mktemp("litserve")) as server:
        yield server


@pytest.fixture(scope="session", params=["triton_server", "mlserver_server"])
def server(request: pytest.FixtureRequest) -> running.Server:
    """Each third party's server in turn."""
    found: running.Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def screened(server: running.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar with the bundled rules in front of `server`."""
    with start_sidecar(tmp_path_factory.mktemp("screened"), server.address) as sidecar:
        yield sidecar
