"""Credentials for both sides, from PEM files."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Self

import grpc
import grpc.aio
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel.core.errors import ConfigError


class ServerTlsConfig(BaseModel):
    """`listen.tls:` and `models.tls:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path = Field(description="PEM file of our certificate chain.")
    key: Path = Field(description="PEM file of its private key.")
    client_ca: Path | None = Field(
        None, description="PEM file of the authorities whose client certificates we demand (mutual TLS)."
    )


class ClientTlsConfig(BaseModel):
    """`upstream.tls:` and `models.connect.tls:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: Path | None = Field(None, description="PEM file of the authorities to trust (default: the system's).")
    certificate: Path | None = Field(None, description="PEM file of our client certificate (mutual TLS).")
    key: Path | None = Field(None, description="PEM file of its private key.")
    server_name: str | None = Field(None, description="Name to expect in the server's certificate.")

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` go together; write both, or neither")
        return self


def server_credentials(config: ServerTlsConfig, where: str = "listen.tls") -> grpc.ServerCredentials:
    """Raises ConfigError naming the key, below `where`, whose file cannot be read."""
    chain = _pair(config.certificate, config.key, where)
    authorities = _authorities(config.client_ca, f"{where}.client_ca") if config.client_ca else None
    return grpc.ssl_server_credentials([chain], authorities, require_client_auth=authorities is not None)


def channel_credentials(config: ClientTlsConfig, where: str = "upstream.tls") -> grpc.ChannelCredentials:
    """Raises ConfigError naming the key, below `where`, whose file cannot be read."""
    key, certificate = None, None
    if config.certificate and config.key:
        key, certificate = _pair(config.certificate, config.key, where)
    return grpc.ssl_channel_credentials(
        root_certificates=_authorities(config.ca, f"{where}.ca") if config.ca else None,
        private_key=key,
        certificate_chain=certificate,
    )


def server_context(config: ServerTlsConfig) -> ssl.SSLContext:
    """The same for HTTP. Raises ConfigError naming the key whose file cannot be read."""
    server_credentials(config)  # says what is wrong with the files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.certificate, config.key)
    context.set_alpn_protocols(["http/1.1"])
    if config.client_ca:
        context.load_verify_locations(config.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(config: ClientTlsConfig | None) -> ssl.SSLContext:
    """The same towards a model server over HTTPS; without a configuration, the system's authorities."""
    if config is None:
        return ssl.create_default_context()
    channel_credentials(config)
    context = ssl.create_default_context(cafile=config.ca)
    if config.certificate and config.key:
        context.load_cert_chain(config.certificate, config.key)
    return context


def listen(server: grpc.aio.Server, address: str, tls: ServerTlsConfig | None, key: str) -> None:
    """Have a gRPC server listen, with TLS where that is configured. Raises ConfigError, naming `key` for the
    address."""
    try:
        if tls is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, server_credentials(tls))
    except RuntimeError:
        message = f"cannot listen on {address}: the address is in use or not ours"
        raise ConfigError(message, key=key) from None


def _pair(certificate: Path, key: Path, where: str) -> tuple[bytes, bytes]:
    """Key and certificate chain. gRPC takes any bytes and fails later, so OpenSSL is asked first."""
    read = (_read(key, f"{where}.key"), _read(certificate, f"{where}.certificate"))
    try:
        # A key that asks for a passphrase is refused here instead of waiting for someone to type it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or "not PEM, or the key is encrypted"
        message = f"{certificate} and {key} are no PEM certificate with its key ({reason})"
        raise ConfigError(message, key=where) from None
    return read


def _authorities(path: Path, key: str) -> bytes:
    read = _read(path, key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        raise ConfigError(f"{path} holds no PEM certificate", key=key) from None
    return read


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", key=key) from None
