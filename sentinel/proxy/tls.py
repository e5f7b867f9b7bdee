"""Credentials for both sides, from PEM files."""

from __future__ import annotations

from pathlib import Path

import grpc
from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError


class ServerTlsConfig(BaseModel):
    """`listen.tls:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path = Field(description="PEM file of our certificate chain.")
    key: Path = Field(description="PEM file of its private key.")
    client_ca: Path | None = Field(
        None, description="PEM file of the authorities whose client certificates we demand (mutual TLS)."
    )


class ClientTlsConfig(BaseModel):
    """`upstream.tls:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: Path | None = Field(None, description="PEM file of the authorities to trust (default: the system's).")
    certificate: Path | None = Field(None, description="PEM file of our client certificate (mutual TLS).")
    key: Path | None = Field(None, description="PEM file of its private key.")
    server_name: str | None = Field(None, description="Name to expect in the server's certificate.")


def server_credentials(config: ServerTlsConfig) -> grpc.ServerCredentials:
    """Raises ConfigError naming the key whose file cannot be read."""
    chain = (_read(config.key, "listen.tls.key"), _read(config.certificate, "listen.tls.certificate"))
    authorities = _read(config.client_ca, "listen.tls.client_ca") if config.client_ca else None
    return grpc.ssl_server_credentials([chain], authorities, require_client_auth=authorities is not None)


def channel_credentials(config: ClientTlsConfig) -> grpc.ChannelCredentials:
    """Raises ConfigError naming the key whose file cannot be read."""
    return grpc.ssl_channel_credentials(
        root_certificates=_read(config.ca, "upstream.tls.ca") if config.ca else None,
        private_key=_read(config.key, "upstream.tls.key") if config.key else None,
        certificate_chain=(
            _read(config.certificate, "upstream.tls.certificate") if config.certificate else None
        ),
    )


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", key=key) from None
