"""The configuration: one YAML file, composed of the *Config types that live beside their components.

Every mistake is reported at once, each with file, line and key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import grpc
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sentinel.adapters.registry import AdaptersConfig
from sentinel.core import address
from sentinel.core.errors import ConfigError, ConfigErrors
from sentinel.core.mistakes import mistakes_of
from sentinel.core.paths import FOLDER_OR_NAME
from sentinel.core.paths import state_dir as default_state_dir
from sentinel.core.source import read
from sentinel.detectors.registry import DetectorsConfig
from sentinel.models.config import ConnectConfig, ModelsConfig
from sentinel.policy.load import bundled_rules
from sentinel.proxy.health import HealthConfig
from sentinel.proxy.limits import KeepaliveConfig, LimitsConfig
from sentinel.proxy.settings import UnknownMethods
from sentinel.proxy.status import RefusalConfig
from sentinel.proxy.tls import ClientTlsConfig, ServerTlsConfig, channel_credentials
from sentinel.proxy.upstream import UpstreamConfig
from sentinel.spool.config import SpoolConfig
from sentinel.store.base import StoreConfig
from sentinel.telemetry.config import ExporterConfig
from sentinel.telemetry.keys import RedactionConfig


class ListenConfig(BaseModel):
    """`listen:`, where callers and operators reach us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grpc: str | None = Field(
        "127.0.0.1:8081",
        description="Where gRPC callers connect: HOST:PORT (port 0 picks a free one) or unix:/path. Off when "
        "null, or when only `http` or `ext_proc` is given.",
    )
    http: str | None = Field(
        None, description="HOST:PORT where HTTP callers connect (port 0 picks a free one); off when absent."
    )
    ext_proc: str | None = Field(
        None,
        description="Where Envoy's external-processing filter connects: HOST:PORT or unix:/path; off when "
        "absent. `sentinel envoy-config` writes Envoy's side.",
    )
    admin: str = Field(
        "127.0.0.1:9464",
        description="HOST:PORT of /healthz, /readyz, /metrics and the gRPC service sentinel.v1.GuardService.",
    )
    tls: ServerTlsConfig | None = Field(None, description="TLS towards callers; none when absent.")

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_given(cls, value: Any) -> Any:
        if isinstance(value, dict) and "grpc" not in value:
            if any(value.get(way) is not None for way in ("http", "ext_proc")):
                return {**value, "grpc": None}
        return value

    @field_validator("grpc", "ext_proc")
    @classmethod
    def _callers_can_connect(cls, value: str | None) -> str | None:
        return None if value is None else address.checked(value)

    @field_validator("http")
    @classmethod
    def _http_callers_can_connect(cls, value: str | None) -> str | None:
        return None if value is None else address.checked_tcp(value)

    @field_validator("admin")
    @classmethod
    def _operators_can_connect(cls, value: str) -> str:
        return address.checked_tcp(value)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.grpc is None and self.http is None and self.ext_proc is None:
            raise ValueError("`grpc`, `http` and `ext_proc` are all off, so that nobody can call; set one")
        return self


class RulesConfig(BaseModel):
    """`rules:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: tuple[Path, ...] = Field(
        (), description="Rule files and folders (default: the packs that come with Sentinel)."
    )

    def files(self) -> tuple[Path, ...]:
        return self.paths or (bundled_rules(),)


class RecordConfig(BaseModel):
    """`record:`, what is kept of an exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: bool = Field(
        False,
        description="Keep the texts too, with every finding replaced by its type. What no rule finds is kept "
        "as it was written, so leave this off unless the store may hold it.",
    )
    tenant_key: str = Field(
        "x-tenant", pattern=r"^[a-z0-9_.-]*$", description='Metadata key that names the tenant ("" for none).'
    )


class RemoteModelsConfig(ConnectConfig):
    """`models.connect:`, a model plane that runs elsewhere."""

    tls: ClientTlsConfig | None = Field(None, description="TLS towards it; none when absent.")


class ModelPlaneConfig(ModelsConfig):
    """`models:`"""

    tls: ServerTlsConfig | None = Field(
        None, description="TLS of `sentinel models` on HOST:PORT, for a pool that sidecars elsewhere share."
    )
    connect: RemoteModelsConfig | None = Field(
        None,
        description="A model plane that runs elsewhere; absent: `sentinel serve` starts one where rules need "
        "it.",
    )


class SentinelConfig(BaseModel):
    """The whole file. Relative paths in it start at the file's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Folder for spool, store, caches and keys (SENTINEL_STATE_DIR sets the default).",
    )
    workers: int = Field(1, ge=1, le=256, description="Processes that serve callers on the one port.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    drain_s: float = Field(
        20.0, gt=0, description="After SIGTERM, calls in flight get so long to finish, seconds."
    )
    unknown_methods: UnknownMethods = Field(
        "pass",
        description="Methods that no adapter knows: pass them unread (counted, recorded) or refuse them.",
    )
    unknown_paths: UnknownMethods = Field(
        "pass",
        description="The same for HTTP: paths that no adapter knows.",
    )
    listen: ListenConfig = Field(default_factory=ListenConfig, description="Where we listen.")
    upstream: UpstreamConfig = Field(default_factory=UpstreamConfig, description="The model server.")
    rules: RulesConfig = Field(default_factory=RulesConfig, description="The policy.")
    refusal: RefusalConfig = Field(default_factory=RefusalConfig, description="What a refused caller sees.")
    detectors: DetectorsConfig = Field(
        default_factory=DetectorsConfig, description="The detectors' settings."
    )
    models: ModelPlaneConfig = Field(
        default_factory=ModelPlaneConfig, description="The model plane: larger models, in their own process."
    )
    adapters: AdaptersConfig = Field(default_factory=AdaptersConfig, description="The protocols' settings.")
    record: RecordConfig = Field(default_factory=RecordConfig, description="What is kept of an exchange.")
    redaction: RedactionConfig = Field(
        default_factory=RedactionConfig, description="The key that matched values are hashed with."
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="Bounds of the data plane.")
    keepalive: KeepaliveConfig = Field(default_factory=KeepaliveConfig, description="Pings on connections.")
    health: HealthConfig = Field(default_factory=HealthConfig, description="How the model server is watched.")
    spool: SpoolConfig = Field(default_factory=SpoolConfig, description="The durable queue of records.")
    exporter: ExporterConfig = Field(default_factory=ExporterConfig, description="Spool to store.")
    store: StoreConfig = Field(default_factory=StoreConfig, description="Where records end up.")

    @model_validator(mode="after")
    def _one_process_for_a_unix_socket(self) -> Self:
        for way in ("grpc", "ext_proc"):
            if (getattr(self.listen, way) or "").startswith("unix:") and self.workers > 1:
                raise ValueError(
                    f"workers must be 1 when listen.{way} is a unix socket, which one process can own"
                )
        return self

    @model_validator(mode="after")
    def _http_has_a_model_server(self) -> Self:
        if self.listen.http and not self.upstream.http:
            raise ValueError(
                "listen.http needs upstream.http, the model server's URL such as http://127.0.0.1:8000"
            )
        return self

    @property
    def cache_dir(self) -> Path:
        return self.state_dir / "cache"

    @property
    def model_plane(self) -> str:
        """Where the model plane is asked. Raises ConfigError (see `ModelsConfig.place`)."""
        return self.models.connect.address if self.models.connect else self.models.place(self.state_dir)

    def model_channel(self) -> tuple[str, grpc.ChannelCredentials | None, str | None]:
        """What a client of the model plane takes: address, credentials, and the name to expect in the
        server's certificate. Raises ConfigError naming the key whose file cannot be read, or that a plane
        which only `models.listen` tells of cannot be called."""
        if self.models.connect is None:
            self._check_own_plane()
        tls = self.models.connect.tls if self.models.connect else None
        if tls is None:
            return self.model_plane, None, None
        return self.model_plane, channel_credentials(tls, "models.connect.tls"), tls.server_name

    def _check_own_plane(self) -> None:
        if self.models.tls is not None:
            message = (
                "our own model plane is asked without TLS: remove this, or name the plane in models.connect "
                "with `address` and `tls`"
            )
            raise ConfigError(message, key="models.tls")
        if (self.models.listen or "").endswith(":0"):
            message = "port 0 is a free one that nobody can know of: write a port, or models.connect"
            raise ConfigError(message, key="models.listen")

    @property
    def spool_dir(self) -> Path:
        return self.state_dir / "spool"


def load_config(path: Path | None) -> SentinelConfig:
    """The configuration in a file, or the defaults without one. Raises ConfigErrors."""
    if path is None:
        return SentinelConfig()
    source, errors = read(path)
    if source is None or errors:
        raise ConfigErrors(errors)
    value = {} if source.value is None else source.value
    if not isinstance(value, dict):
        raise ConfigErrors([source.error((), "is not a mapping of keys such as `upstream:`")])
    try:
        config = SentinelConfig.model_validate(value)
    except ValidationError as error:
        told = mistakes_of(error, SentinelConfig)
        raise ConfigErrors([source.error(where, message) for where, message in told]) from None
    return _rooted(config, path.resolve().parent)


@contextmanager
def placed(path: Path | None) -> Iterator[None]:
    """Mistakes that are found only when the configuration of this file is used are raised as `located`."""
    try:
        yield
    except ConfigError as error:
        raise located(error, path) from None


def located(error: ConfigError, path: Path | None) -> ConfigError:
    """The mistake with the file's name and the line of its key, as those have that `load_config` tells."""
    source = read(path)[0] if path is not None else None
    if source is None:
        return error
    if isinstance(error, ConfigErrors):
        return ConfigErrors([source.placed(each) for each in error.errors])
    return source.placed(error)


def _rooted(config: SentinelConfig, folder: Path) -> SentinelConfig:
    """The same configuration with every relative path starting at `folder`."""

    def rooted(value: Any, local: bool = False) -> Any:
        if isinstance(value, BaseModel):
            changes = {
                name: new
                for name, field in type(value).model_fields.items()
                if (new := rooted(old := getattr(value, name), FOLDER_OR_NAME in field.metadata)) is not old
            }
            return value.model_copy(update=changes) if changes else value
        if local and isinstance(value, str) and value.startswith(("./", "../")):
            return os.path.normpath(folder / value)
        if isinstance(value, Path):
            return value if value.is_absolute() else Path(os.path.normpath(folder / value))
        if isinstance(value, dict):
            return {key: rooted(part) for key, part in value.items()}
        if isinstance(value, tuple | list) and any(isinstance(item, Path) for item in value):
            return type(value)(rooted(item) for item in value)
        return value

    rebuilt = rooted(config)
    assert isinstance(rebuilt, SentinelConfig)
    return rebuilt
