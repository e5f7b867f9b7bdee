"""A data-plane process. Started by the supervisor as `python -m sentinel.app.worker`, with the port already
chosen.

SIGTERM, and the end of standard input (the supervisor is gone), drain it; SIGHUP reloads rules and settings.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import uvloop

from sentinel.adapters.base import Adapter
from sentinel.adapters.registry import grpc_adapters, load_adapters
from sentinel.app.log import set_up_logging
from sentinel.app.models_asked import ModelsAsked
from sentinel.config import SentinelConfig, load_config, placed
from sentinel.core.errors import SentinelError
from sentinel.guard.screener import Screener, load_screener
from sentinel.instruments import RELOADS
from sentinel.proxy.driver import Driver
from sentinel.proxy.grpc_front import GrpcFront
from sentinel.proxy.guard_service import GuardService
from sentinel.proxy.health import HealthFollower, Probe, grpc_serves
from sentinel.proxy.limits import channel_options
from sentinel.proxy.settings import Settings
from sentinel.proxy.tls import listen
from sentinel.proxy.upstream import Upstream
from sentinel.spool.writer import SpoolWriter, new_writer_id
from sentinel.telemetry.keys import load_redactors
from sentinel.telemetry.recorder import Recorder
from sentinel.telemetry.report import report

if TYPE_CHECKING:
    from sentinel.app.envoy_side import EnvoySide
    from sentinel.app.http_side import HttpSide

log = logging.getLogger("sentinel.worker")

# With the defaults (1,000 and 3,000) a burst of 2,000 streams sees some of them cancelled without a status.
_MAX_PENDING = 100_000

_GC_THRESHOLD = 50_000

_NEED_RESTART = ["state_dir", "workers", "log_level", "drain_s", "listen", "upstream", "adapters"]
_NEED_RESTART += ["keepalive", "health", "spool", "exporter", "store", "models"]


class Worker:
    """One process's servers and everything that they share."""

    def __init__(
        self,
        config_path: Path | None,
        config: SentinelConfig,
        screener: Screener,
        models: ModelsAsked,
        slot: int,
        grpc_address: str | None = None,
        http_address: str | None = None,
        ext_proc_address: str | None = None,
    ) -> None:
        self._config_path, self._config, self._screener = config_path, config, screener
        self._models = models
        self._slot, self._grpc_address, self._http_address = slot, grpc_address, http_address
        self._ext_proc_address = ext_proc_address
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()

    async def run(self) -> None:
        """Serve until told to stop, then drain."""
        config = self._config
        writer = SpoolWriter(config.spool_dir, new_writer_id(self._slot), config.spool)
        upstream = Upstream(config.upstream, config.limits, config.keepalive)
        ask = None
        if self._models.detectors:
            self._models.open()
            ask = self._models.ask
        self._driver = driver = Driver(
            self._screener, _settings(config), upstream, Recorder(writer), f"{self._slot}", ask
        )
        adapters = load_adapters(config.adapters)
        over_grpc = grpc_adapters(adapters)
        services = sorted({method.split("/")[1] for adapter in over_grpc for method in adapter.methods})
        http = self._http_side(driver, adapters)
        probes: list[Probe] = [http.probe] if http else []
        if self._grpc_address:
            probes.append(lambda: grpc_serves(upstream, config.health.timeout_s))
        follower = HealthFollower(
            probes, config.health, services, lambda serving: report(event="upstream", upstream=serving)
        )
        options = [
            *channel_options(config.limits, config.keepalive),
            ("grpc.so_reuseport", 1),
            ("grpc.server.max_pending_requests", _MAX_PENDING),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _MAX_PENDING),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.max_ping_strikes", 0),
        ]
        server = grpc.aio.server(options=options)
        follower.attach(server)
        server.add_generic_rpc_handlers((GrpcFront(driver, over_grpc),))
        if self._grpc_address:
            listen(server, self._grpc_address, config.listen.tls, "listen.grpc")
        envoy = self._envoy_side(driver, adapters, options, follower)
        sides = [side for side in (http, envoy) if side]
        inner = grpc.aio.server(options=channel_options(config.limits, config.keepalive))
        GuardService(driver).attach(inner)
        inner.add_insecure_port(f"unix:{self._admin_socket()}")
        await server.start()
        await inner.start()
        for side in sides:
            await side.start()
        background: list[asyncio.Task[None]] = []
        background += map(asyncio.create_task, (follower.run(), driver.sample()))
        self._install_signals()
        # What was built for serving lives as long as we do: the collector need not look at it again, and
        # what a call leaves behind is freed by reference counts.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        report(event="ready", ready=True, policy=driver.screener.policy.digest)
        background.append(asyncio.create_task(asyncio.to_thread(self._screener.warm_up)))
        await self._stopping.wait()
        report(event="draining", ready=False)
        await follower.drain()
        stopping = [server.stop(config.drain_s), inner.stop(config.drain_s)]
        await asyncio.gather(*stopping, *[side.stop() for side in sides])
        for task in background:
            task.cancel()
        await upstream.close()
        await self._models.close()
        driver.recorder.close()

    def _http_side(self, driver: Driver, adapters: list[Adapter]) -> HttpSide | None:
        if self._http_address is None:
            return None
        from sentinel.app.http_side import HttpSide

        return HttpSide(self._config, driver, adapters, self._http_address)

    def _envoy_side(
        self,
        driver: Driver,
        adapters: list[Adapter],
        options: list[tuple[str, Any]],
        follower: HealthFollower,
    ) -> EnvoySide | None:
        if self._ext_proc_address is None:
            return None
        from sentinel.app.envoy_side import EnvoySide

        return EnvoySide(self._config, driver, adapters, self._ext_proc_address, options, follower)

    def _admin_socket(self) -> Path:
        path = Path(os.environ["SENTINEL_RUNTIME_DIR"]) / f"admin-{self._slot}.sock"
        path.unlink(missing_ok=True)
        return path

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload()))
        if os.environ.get("SENTINEL_STATUS_FD"):
            loop.add_reader(sys.stdin.fileno(), self._supervisor_gone)

    def _supervisor_gone(self) -> None:
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._stopping.set()

    async def _reload(self) -> None:
        """Swap rules and settings as one; on any mistake keep the old ones and say why."""
        async with self._reloading:  # or the slower of two would put older rules over newer ones
            await self._take_up()

    async def _take_up(self) -> None:
        try:
            config = load_config(self._config_path)
            # Told first, for a rule that asks for a model which is new in the file is refused.
            if stale := [key for key in _NEED_RESTART if getattr(config, key) != getattr(self._config, key)]:
                log.warning("changed, but in force only after a restart: %s", ", ".join(stale))
            with placed(self._config_path):
                screener = await asyncio.to_thread(_load_screener, config, self._models)
            await asyncio.to_thread(screener.warm_up)
            self._driver.settings = _settings(config)
            self._driver.screener = screener
        except SentinelError as error:
            RELOADS.labels("refused").inc()
            log.error("the reload is refused and the old rules stay in force:\n%s", error)
            report(event="reload_refused", error=str(error))
        else:
            RELOADS.labels("done").inc()
            report(event="reloaded", policy=screener.policy.digest, error="")


def _load(path: Path | None, last_good: Path | None) -> tuple[SentinelConfig, Screener, ModelsAsked]:
    """A replaced worker starts with the rules that its predecessor had, when those on disk are wrong by
    now."""
    try:
        with placed(path):
            return _loaded(load_config(path))
    except SentinelError as error:
        if last_good is None or not last_good.exists():
            raise
        log.error("starting with the last good rules, because the present ones are wrong:\n%s", error)
        report(event="reload_refused", error=str(error))
        return _loaded(load_config(last_good))


def _loaded(config: SentinelConfig) -> tuple[SentinelConfig, Screener, ModelsAsked]:
    models = ModelsAsked(config)
    return config, _load_screener(config, models), models


def _load_screener(config: SentinelConfig, models: ModelsAsked) -> Screener:
    return load_screener(config.rules.files(), config.detectors, config.cache_dir, models=models)


def _settings(config: SentinelConfig) -> Settings:
    return Settings(
        redactor=load_redactors(config.redaction, config.state_dir)[0],
        limits=config.limits,
        refusal=config.refusal,
        unknown_methods=config.unknown_methods,
        unknown_paths=config.unknown_paths,
        tenant_key=config.record.tenant_key,
        record_content=config.record.content,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sentinel.app.worker")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--grpc", help="address of the gRPC port; off when absent")
    parser.add_argument("--http", help="address of the HTTP port; off when absent")
    parser.add_argument("--ext_proc", help="address of the port for Envoy; off when absent")
    parser.add_argument(
        "--last-good", type=Path, help="what to use when the configuration turned bad meanwhile"
    )
    options = parser.parse_args()
    set_up_logging("info", f"worker-{options.slot}")
    try:
        config, screener, models = _load(options.config, options.last_good)
        logging.getLogger().setLevel(config.log_level.upper())
        addresses = options.grpc, options.http, options.ext_proc
        worker = Worker(options.config, config, screener, models, options.slot, *addresses)
        uvloop.run(worker.run())
    except SentinelError as error:
        log.error("%s", error)
        report(event="failed", error=str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
