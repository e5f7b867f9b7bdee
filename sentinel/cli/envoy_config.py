"""`sentinel envoy-config`: Envoy's side of external processing, as a bootstrap that works as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from sentinel.config import load_config
from sentinel.core import address
from sentinel.core.errors import ConfigError

_TYPES = "type.googleapis.com/envoy"
_HTTP = f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"

# How long nothing may come: of a model that thinks (Envoy's default: 300s), and of us, who hold an answer's
# head until the verdict (0.2s; Envoy 1.40 does not apply that to streamed bodies).
_PATIENCE = "600s"

# A connection is served by one worker: with fewer exchanges on each, many connections spread over all.
_STREAMS_PER_CONNECTION = 64

# Of public certificates, in Envoy's image and on Debian.
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def envoy_config(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Sentinel's configuration: gives --ext-proc and --upstream."),
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT where Envoy's callers connect.")] = "127.0.0.1:10000",
    upstream: Annotated[str | None, typer.Option(help="URL of the model server.")] = None,
    ext_proc: Annotated[
        str | None, typer.Option(help="Where Sentinel listens for Envoy: HOST:PORT or unix:/path.")
    ] = None,
    admin: Annotated[str, typer.Option(help="HOST:PORT of Envoy's own pages.")] = "127.0.0.1:9901",
    ca: Annotated[
        Path | None, typer.Option(help="Speak TLS to Sentinel and trust the authorities in this PEM file.")
    ] = None,
) -> None:
    """Print an Envoy bootstrap: a listener whose exchanges Sentinel screens, before one model server."""
    given = load_config(config)
    ext_proc = ext_proc or given.listen.ext_proc or "127.0.0.1:8082"
    upstream = upstream or given.upstream.http or "http://127.0.0.1:8000"
    try:
        bootstrap_ = bootstrap(listen, upstream, ext_proc, admin, ca)
    except ValueError as error:
        raise ConfigError(str(error), key="envoy-config") from None
    print("# Made by `sentinel envoy-config`. Start with: envoy -c FILE")
    print(yaml.safe_dump(bootstrap_, sort_keys=False, width=110), end="")


def bootstrap(
    listen: str, upstream: str, ext_proc: str, admin: str, ca: Path | None = None
) -> dict[str, Any]:
    """Raises ValueError on an address that is none."""
    scheme, _, rest = address.checked_url(upstream).partition("://")
    place, _, prefix = rest.partition("/")
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "callers",
                    "address": _address(listen),
                    "filter_chains": [{"filters": [_connections(prefix)]}],
                }
            ],
            "clusters": [_model(scheme, place), _sentinel(ext_proc, ca)],
        },
    }


def _connections(prefix: str) -> dict[str, Any]:
    # An answer takes as long as the model needs.
    route: dict[str, Any] = {"cluster": "model", "timeout": "0s"}
    if prefix:
        route["prefix_rewrite"] = f"/{prefix}/"
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}]
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "callers",
            "normalize_path": True,
            "merge_slashes": True,
            "stream_idle_timeout": _PATIENCE,
            "route_config": {"name": "model", "virtual_hosts": hosts},
            "http_filters": [
                ext_proc_filter(),
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
                },
            ],
        },
    }


def ext_proc_filter(cluster: str = "sentinel") -> dict[str, Any]:
    """The filter alone."""
    return {
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.http.ext_proc.v3.ExternalProcessor",
            "grpc_service": {"envoy_grpc": {"cluster_name": cluster}},
            "failure_mode_allow": False,
            "message_timeout": _PATIENCE,
            "processing_mode": {
                "request_header_mode": "SEND",
                "response_header_mode": "SEND",
                "request_body_mode": "FULL_DUPLEX_STREAMED",
                "response_body_mode": "FULL_DUPLEX_STREAMED",
                "request_trailer_mode": "SEND",
                "response_trailer_mode": "SEND",
            },
            "request_attributes": ["xds.cluster_name"],
            "response_attributes": ["response.code_details"],
        },
    }


def _model(scheme: str, place: str) -> dict[str, Any]:
    host, port = _host_port(place, 443 if scheme == "https" else 80)
    cluster = _cluster("model", _endpoint(host, port))
    if scheme == "https":
        cluster["transport_socket"] = _tls(host, _AUTHORITIES)
    return cluster


def _sentinel(ext_proc: str, ca: Path | None) -> dict[str, Any]:
    if address.checked(ext_proc).startswith("unix:"):
        cluster = _cluster("sentinel", {"pipe": {"path": ext_proc.removeprefix("unix:")}})
        cluster["type"] = "STATIC"
    else:
        host, port = _host_port(ext_proc, 0)
        cluster = _cluster("sentinel", _endpoint(host, port))
        if ca:
            cluster["transport_socket"] = _tls(host, ca)
    cluster["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": _HTTP,
            "explicit_http_config": {
                "http2_protocol_options": {
                    "max_concurrent_streams": _STREAMS_PER_CONNECTION,
                    "connection_keepalive": {"interval": "30s", "timeout": "10s"},
                }
            },
        }
    }
    # An exchange is one request to Sentinel for as long as it lasts; Sentinel has a bound of its own.
    cluster["circuit_breakers"] = {"thresholds": [{"max_requests": 16384, "max_connections": 4096}]}
    return cluster


def _cluster(name: str, where: dict[str, Any]) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": where}}]}]
    return {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _tls(host: str, ca: Path) -> dict[str, Any]:
    names = [{"san_type": kind, "matcher": {"exact": host}} for kind in ("DNS", "IP_ADDRESS")]
    trusted = {"trusted_ca": {"filename": str(ca)}, "match_typed_subject_alt_names": names}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": host,
            "common_tls_context": {"validation_context": trusted},
        },
    }


def _address(place: str) -> dict[str, Any]:
    return _endpoint(*_host_port(address.checked_tcp(place), 0))


def _endpoint(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _host_port(place: str, default: int) -> tuple[str, int]:
    """An IPv6 address without its brackets."""
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        return place.strip("[]"), default
    return host.strip("[]"), int(port)
