"""Files that cannot be what they should be are told by key, before gRPC fails for a reason of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from sentinel.core.errors import ConfigError
from sentinel.proxy.tls import ClientTlsConfig, ServerTlsConfig, channel_credentials, server_credentials


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca`, `cert` and its `key`, the key `other` of another certificate, and `text`."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca"))
    issued, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert"))
    issued.private_key_pem.write_to_path(str(folder / "key"))
    other.private_key_pem.write_to_path(str(folder / "other"))
    (folder / "text").write_text("no certificate")
    return folder


def test_right_files_give_credentials(pem: Path) -> None:
    assert server_credentials(
        ServerTlsConfig(certificate=pem / "cert", key=pem / "key", client_ca=pem / "ca")
    )
    assert channel_credentials(ClientTlsConfig(ca=pem / "ca", certificate=pem / "cert", key=pem / "key"))
    assert channel_credentials(ClientTlsConfig())


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "told"),
    [
        ("nowhere", "key", None, "listen.tls.certificate: cannot read .*nowhere"),
        ("cert", "nowhere", None, "listen.tls.key: cannot read .*nowhere"),
        ("text", "key", None, "listen.tls: .*text and .*key are no PEM certificate with its key"),
        ("cert", "other", None, "listen.tls: .* with its key .*MISMATCH"),
        ("cert", "key", "text", "listen.tls.client_ca: .*text holds no PEM certificate"),
    ],
)
def test_what_is_wrong_towards_callers(
    pem: Path, certificate: str, key: str, client_ca: str | None, told: str
) -> None:
    config = ServerTlsConfig(
        certificate=pem / certificate, key=pem / key, client_ca=pem / client_ca if client_ca else None
    )
    with pytest.raises(ConfigError, match=told):
        server_credentials(config)


def test_what_is_wrong_towards_the_model_server(pem: Path) -> None:
    with pytest.raises(ConfigError, match=r"upstream.tls.ca: .*text holds no PEM certificate"):
        channel_credentials(ClientTlsConfig(ca=pem / "text"))
    with pytest.raises(ConfigError, match=r"upstream.tls: .*MISMATCH"):
        channel_credentials(ClientTlsConfig(certificate=pem / "cert", key=pem / "other"))


def test_a_certificate_comes_with_its_key(pem: Path) -> None:
    with pytest.raises(ValidationError, match="go together"):
        ClientTlsConfig(certificate=pem / "cert")
