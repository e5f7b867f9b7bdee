"""The channel to the model server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sentinel.core import address
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig, channel_options
from sentinel.proxy.tls import ClientTlsConfig, channel_credentials
from sentinel.proxy.unary_call import UnaryCall

StreamCall = Callable[..., "grpc.aio.StreamStreamCall[bytes, bytes]"]


class UpstreamConfig(BaseModel):
    """`upstream:`, the model server behind us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field("127.0.0.1:8001", description="HOST:PORT, or unix:/path/to/socket.")
    http: str | None = Field(
        None,
        description="http(s)://HOST:PORT[/prefix] of the model server for callers over HTTP; callers' paths "
        "are appended.",
    )
    connect_timeout_s: float = Field(
        5.0, gt=0, description="An HTTP connection that is not open after so long has failed, seconds."
    )
    name: str = Field("default", description="The route's name in rules, records and dashboards.")
    tls: ClientTlsConfig | None = Field(None, description="TLS towards the model server; none when absent.")

    @field_validator("address")
    @classmethod
    def _can_be_called(cls, value: str) -> str:
        return address.checked(value)

    @field_validator("http")
    @classmethod
    def _can_be_asked(cls, value: str | None) -> str | None:
        return None if value is None else address.checked_url(value)


class Upstream:
    """Byte-level calls to the model server: nothing is parsed, one multi-callable is kept for each method."""

    def __init__(self, config: UpstreamConfig, limits: LimitsConfig, keepalive: KeepaliveConfig) -> None:
        self.config = config
        options: list[tuple[str, Any]] = channel_options(limits, keepalive)
        if config.tls is None:
            self.channel = grpc.aio.insecure_channel(config.address, options=options)
        else:
            if config.tls.server_name:
                options.append(("grpc.ssl_target_name_override", config.tls.server_name))
            self.channel = grpc.aio.secure_channel(
                config.address, channel_credentials(config.tls), options=options
            )
        self._unary: dict[str, UnaryCall] = {}
        self._stream: dict[str, StreamCall] = {}

    def unary(self, method: str) -> UnaryCall:
        """For the known methods only, so the table is bounded by the adapters."""
        call = self._unary.get(method)
        if call is None:
            call = self._unary[method] = UnaryCall(self.channel, method)
        return call

    def stream(self, method: str) -> StreamCall:
        """Any method: a unary call looks the same on the wire."""
        call = self._stream.get(method)
        if call is None:
            call = self.channel.stream_stream(method)
            if len(self._stream) < 1024:  # callers choose the names, so the table needs a bound
                self._stream[method] = call
        return call

    async def close(self) -> None:
        await self.channel.close()
