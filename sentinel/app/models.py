"""The model plane's process: serves the configured models. Started by the supervisor, or alone as
`sentinel models`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sentinel.app.log import set_up_logging
from sentinel.config import SentinelConfig, load_config, located
from sentinel.core.errors import ConfigError, SentinelError
from sentinel.models import registry
from sentinel.models.base import Model
from sentinel.models.plane import Plane
from sentinel.models.runner import Runner
from sentinel.models.server import Server, health
from sentinel.proxy.admin import Admin, Answer, json_answer
from sentinel.proxy.tls import server_credentials
from sentinel.telemetry.report import report

log = logging.getLogger("sentinel.models")

_STUCK = 3  # exit status
_SIGN_EVERY_S = 2.0


def run(config: SentinelConfig, path: Path | None) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP takes up `detectors:` of the file at `path`. Returns the exit
    status. Raises ConfigError."""
    if not config.models.detectors:
        raise ConfigError(
            "names no model; write one, such as `encoder: {kind: encoder}`", key="models.detectors"
        )
    process = _Process(config, path)
    uvloop.run(process.run())
    if not process.at_rest:
        # A thread inside a model cannot be ended, and the interpreter would wait for it.
        logging.shutdown()
        os._exit(process.status)
    return process.status


class _Process:
    """The plane and what is around it."""

    def __init__(self, config: SentinelConfig, path: Path | None) -> None:
        self._config, self._path = config, path
        self._detectors = config.detectors
        self._stopping = asyncio.Event()
        self._draining = False
        self.status, self.at_rest = 0, False

    async def run(self) -> None:
        config = self._config
        settings = config.models
        address = settings.place(config.state_dir)
        lock = _lock(address)
        one_at_a_time = asyncio.Lock()
        self._plane = plane = Plane(
            [
                Runner(
                    name,
                    model,
                    partial(self._make, name),
                    one_at_a_time,
                    self._stuck,
                    lambda error: located(error, self._path),
                )
                for name, model in settings.detectors.items()
            ],
            settings.cache,
            settings.cache_bytes,
        )
        credentials = server_credentials(settings.tls, "models.tls") if settings.tls else None
        _warn_of_plain_text(address, credentials is not None)
        server = Server(plane, address, credentials)
        admin = await self._admin()
        self._install_signals()
        await server.start()
        log.info("listening on %s, models: %s", server.address, ", ".join(settings.detectors))
        report(event="listening", address=server.address, stuck_s=settings.stuck_s)
        tasks = [asyncio.create_task(runner.run()) for runner in plane.runners]
        tasks.append(asyncio.create_task(self._tell()))
        for task in tasks:
            task.add_done_callback(self._ended)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)  # what a call leaves behind is freed by reference counts
        await self._stopping.wait()
        self._draining = True
        await server.stop(0.0 if self.status == _STUCK else config.drain_s)
        for task in tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        self.at_rest = all([runner.stop() for runner in plane.runners])
        if admin is not None:
            await admin.stop()
        if lock is not None:
            lock.close()

    def _make(self, name: str) -> Model:
        config = self._config
        return registry.make(name, config.models.detectors[name].settings, config.state_dir, self._detectors)

    def _reload(self) -> None:
        """Models that go by the data plane's detectors follow their settings."""
        try:
            config = load_config(self._path)
        except SentinelError as error:
            log.error("the reload is refused and the old settings stay in force:\n%s", error)
            return
        if config.models != self._config.models:
            log.warning("changed, but in force only after a restart: models")
        if config.detectors != self._detectors:
            self._detectors = config.detectors
            telling = (runner.beside(config.detectors) for runner in self._plane.runners)
            self._telling = asyncio.gather(*telling)

    def _stuck(self, model: str) -> None:
        log.critical("%s hangs, and its thread cannot be ended: the model plane starts anew", model)
        self.status = _STUCK
        self._stopping.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that should run for ever has not: start anew rather than serve without it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a task of the model plane broke: %s", type(error).__name__, exc_info=error)
            self.status = 1
            self._stopping.set()

    async def _tell(self) -> None:
        """Tell the supervisor of every change, and that we live."""
        told: dict[str, str] = {}
        next_sign = 0.0
        while True:
            now = {runner.name: runner.why or runner.state for runner in self._plane.runners}
            if now != told:
                told = now
                report(event="models", models=told, settled=self._plane.settled)
            if time.monotonic() >= next_sign:
                next_sign = time.monotonic() + _SIGN_EVERY_S
                report(event="alive")
            await asyncio.sleep(0.2)

    async def _admin(self) -> Admin | None:
        where = self._config.models.admin
        if where is None:
            return None
        admin = Admin(
            {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}, lambda: []
        )
        host, _, port = where.rpartition(":")
        try:
            bound = await admin.start(host.strip("[]"), int(port))
        except OSError as error:
            message = f"cannot listen on {where} ({error.strerror}): set another, port 0 picks a free one"
            raise ConfigError(message, key="models.admin") from None
        log.info("admin on %s:%d", host, bound)
        return admin

    def _healthz(self) -> Answer:
        return json_answer(200, {"status": "ok", "pid": os.getpid()})

    def _readyz(self) -> Answer:
        """Ready when every model can be asked: a pool with a broken one should get no callers."""
        usable = all(runner.state in ("ready", "idle") for runner in self._plane.runners)
        ready = usable and not self._draining
        return json_answer(200 if ready else 503, {"ready": ready, "models": health(self._plane).models})

    def _metrics(self) -> Answer:
        return 200, CONTENT_TYPE_LATEST, generate_latest()

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if os.environ.get("SENTINEL_STATUS_FD"):
            # Ctrl-C reaches us too, but the workers still ask us while they drain: the supervisor says when.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            loop.add_reader(sys.stdin.fileno(), self._supervisor_gone)
        else:
            loop.add_signal_handler(signal.SIGINT, self._stopping.set)

    def _supervisor_gone(self) -> None:
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._stopping.set()


def _lock(address: str) -> Any:
    """A unix socket has one owner: gRPC would take it from a plane that lives."""
    if not address.startswith("unix:"):
        return None
    path = Path(address.removeprefix("unix:") + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = path.open("a+")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"another model plane listens on {address}; stop it, or listen elsewhere"
        raise ConfigError(message, key="models.listen") from None
    except OSError as error:
        message = f"cannot write {path} ({error.strerror}): choose another place"
        raise ConfigError(message, key="models.listen") from None
    return handle


def _warn_of_plain_text(address: str, encrypted: bool) -> None:
    host = address.rpartition(":")[0].strip("[]")
    local = address.startswith("unix:") or host in ("localhost", "::1") or host.startswith("127.")
    if not local and not encrypted:
        log.warning("texts travel to %s unencrypted; set models.tls unless a mesh encrypts them", address)


def _load(path: Path | None, last_good: Path | None) -> SentinelConfig:
    """A replaced plane serves what its predecessor did, when the file on disk is wrong by now."""
    try:
        return load_config(path)
    except SentinelError as error:
        if last_good is None or not last_good.exists():
            raise
        log.error("starting with the last good settings, because the present ones are wrong:\n%s", error)
        return load_config(last_good)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sentinel.app.models")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--last-good", type=Path, help="a copy to go by when the file is wrong by now")
    options = parser.parse_args()
    set_up_logging("info", "models")
    try:
        config = _load(options.config, options.last_good)
        logging.getLogger().setLevel(config.log_level.upper())
        return run(config, options.config)
    except SentinelError as error:
        log.error("%s", error)
        report(event="failed", error=str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
