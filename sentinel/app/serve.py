"""The supervisor: `sentinel serve`. Chooses the port, starts the workers and the exporter, replaces what
dies, answers on the admin port, tells workers to reload, and drains all of it on SIGTERM: first the workers,
so that no call is lost, then the model plane that they ask and the exporter, so that no record is.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from sentinel.app import last_good
from sentinel.app.log import set_up_logging
from sentinel.app.metrics import exposition
from sentinel.app.models_side import ModelsSide, needed, small_alone
from sentinel.app.watch import Watch
from sentinel.config import SentinelConfig, load_config
from sentinel.core.errors import ConfigError, SentinelError
from sentinel.detectors.registry import compiled
from sentinel.proxy.admin import Admin, Answer, json_answer
from sentinel.proxy.children import Child
from sentinel.telemetry.status import read_status

log = logging.getLogger("sentinel.supervisor")

_WAYS_IN = ("grpc", "http", "ext_proc")
_KILL_AFTER_S = 5.0
_FIRST_STARTS = 3

# grpcio's older event loop takes about a tenth less processor time a call than the default one of 1.85.
_GRPC_EXPERIMENTS = "-event_engine_client,-event_engine_listener"
# A worker multiplies small matrices on a core that others want too: a second thread of numpy's BLAS that
# waits for one holds the answer up by tens of milliseconds.
_WORKER_THREADS = {"OPENBLAS_NUM_THREADS": "1"}


def serve(config_path: Path | None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status: 2 for a mistake in the configuration."""
    set_up_logging("info", "supervisor")
    try:
        config = load_config(config_path)
        logging.getLogger().setLevel(config.log_level.upper())
        return asyncio.run(Supervisor(config_path, config).run())
    except SentinelError as error:
        log.error("%s", error)
        return 2


class Supervisor:
    """One `sentinel serve`. Its state is in its children's reports."""

    def __init__(self, config_path: Path | None, config: SentinelConfig) -> None:
        self._config_path = config_path.resolve() if config_path else None
        self._config = config
        self._workers: list[Child] = []
        self._exporter: Child | None = None
        self._models: ModelsSide | None = None
        self._stopping = asyncio.Event()
        self._draining = False
        self._failure = ""
        self._was_ready = False
        self._reload_error = ""
        self._addresses: dict[str, str] = {}

    async def run(self) -> int:
        config = self._config
        lock = _lock(config.state_dir)
        listen = {key: value for key in _WAYS_IN if (value := getattr(config.listen, key))}
        ports = {key: _reserve(value, f"listen.{key}") for key, value in listen.items()}
        self._runtime_dir = _runtime_dir(config.state_dir)
        admin = Admin(
            {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}, self._sockets
        )
        try:
            self._addresses |= {key: _address(value, ports[key]) for key, value in listen.items()}
            host, _, admin_port = config.listen.admin.rpartition(":")
            bound = await _listening(admin, host.strip("[]"), int(admin_port))
            self._addresses["admin"] = f"{host}:{bound}"
            self._start_children()
            watching = asyncio.create_task(self._watch())
            self._install_signals()
            await self._stopping.wait()
            watching.cancel()
            await self._drain()
        finally:
            await admin.stop()
            for port in ports.values():
                if port is not None:
                    port.close()
            self._state_file.unlink(missing_ok=True)
            (config.state_dir / "runtime.path").unlink(missing_ok=True)
            shutil.rmtree(self._runtime_dir, ignore_errors=True)
            lock.close()
        if self._failure:
            log.error("%s", self._failure)
            return 2
        return 0

    @property
    def _state_file(self) -> Path:
        return self._config.state_dir / "serve.json"

    def _start_children(self) -> None:
        metrics = self._runtime_dir / "metrics"
        metrics.mkdir()
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "SENTINEL_RUNTIME_DIR": str(self._runtime_dir),
        }
        environment.setdefault("GRPC_EXPERIMENTS", _GRPC_EXPERIMENTS)
        given = ["--config", str(self._config_path)] if self._config_path else []
        for slot in range(self._config.workers):
            command = [sys.executable, "-m", "sentinel.app.worker", "--slot", str(slot)]
            for way in _WAYS_IN:
                if way in self._addresses:
                    command += [f"--{way}", self._addresses[way]]
            command += given
            command += ["--last-good", str(last_good.path(self._config.state_dir))]
            own = {**_WORKER_THREADS, **environment, "SENTINEL_WORKER_SLOT": str(slot)}
            self._workers.append(Child(f"worker-{slot}", command, own, self._reported))
        last_good.forget(self._config.state_dir)
        if self._config.exporter.enabled:
            command = [sys.executable, "-m", "sentinel.app.exporter", *given]
            self._exporter = Child("exporter", command, environment, self._reported)
        self._environment = environment
        for child in self._children():
            child.start()
        self._start_models(self._config)
        if alone := small_alone(self._config):
            log.info(
                "%s: small classifiers decide alone; `models: {detectors: {encoder: {kind: encoder}}}` adds "
                "the sentence encoder (docs/models.md)",
                ", ".join(sorted(alone)),
            )
        if not compiled():
            log.info(
                "small classifiers compute in numpy, several times as slowly: their kernel was not "
                "compiled with this package, or has changed since (docs/detectors.md)"
            )

    def _start_models(self, config: SentinelConfig) -> None:
        """Once, as soon as a rule needs it."""
        if self._models is None and (detectors := needed(config)):
            config.models.place(config.state_dir)  # a mistake in the address is told here
            log.info("starting the model plane for %s", ", ".join(sorted(detectors)))
            good = last_good.path(self._config.state_dir)
            within_s = config.models.tried_within_s
            self._models = ModelsSide(self._config_path, self._environment, good, within_s)
            self._models.start()

    def _children(self) -> list[Child]:
        models = self._models.child if self._models else None
        return [*self._workers, *(child for child in (models, self._exporter) if child)]

    def _reported(self, child: Child, report: dict[str, Any]) -> None:
        match report["event"]:
            case "failed" if not self._was_ready:
                self._fail(f"{child.name} cannot start: {report['error']}")
            case "died" if not self._was_ready and child.restarts >= _FIRST_STARTS:
                self._fail(f"{child.name} died {child.restarts} times before it was ready; see the log above")
            case "reload_refused":
                self._reload_error = report["error"]
            case "reloaded":
                self._reload_error = ""
                self._keep_as_last_good()
                log.info("%s took up policy %s", child.name, report["policy"][:16])
            case "ready":
                self._worker_ready(child)
            case "upstream":
                state = "serves" if report["upstream"] else "does not serve"
                log.info("%s: the model server at %s %s", child.name, self._model_server(), state)

    def _model_server(self) -> str:
        upstream = self._config.upstream
        served = {"grpc": upstream.address, "http": upstream.http or "", "ext_proc": "Envoy's upstream"}
        return ", ".join(address for way, address in served.items() if way in self._addresses)

    def _fail(self, why: str) -> None:
        self._failure = why
        self._stopping.set()

    def _worker_ready(self, child: Child) -> None:
        if not all(worker.status.get("ready") for worker in self._workers):
            return
        if not self._was_ready:
            self._was_ready = True
            self._keep_as_last_good()
            log.info(
                "ready: callers on %s, model server %s, admin on %s, policy %s",
                ", ".join(f"{self._addresses[way]} ({way})" for way in _WAYS_IN if way in self._addresses),
                self._model_server(),
                self._addresses["admin"],
                child.status["policy"][:16],
            )
        self._write_state()

    def _keep_as_last_good(self) -> None:
        try:
            last_good.keep(load_config(self._config_path), self._config.state_dir)
        except (SentinelError, OSError) as error:
            log.warning("cannot keep a copy of the rules in force: %s", error)

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            **self._addresses,
            "workers": [worker.pid for worker in self._workers],
            "exporter": self._exporter.pid if self._exporter else None,
            "models": self._models.child.pid if self._models else None,
        }
        temporary = self._state_file.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.encode(state))
        temporary.replace(self._state_file)

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        log.info("reloading rules and settings")
        try:
            self._start_models(load_config(self._config_path))
        except SentinelError as error:  # told by the workers too, who keep the old rules
            log.debug("no model plane is started: %s", error)
        if self._models is not None:
            self._models.reload()
        for worker in self._workers:
            if worker.status.get("ready"):  # before that it has no handler, and reads the new files anyway
                worker.signal(signal.SIGHUP)

    async def _watch(self) -> None:
        """Reload when the configuration or a rule file changes."""
        watch = Watch(self._config_path, self._config.rules.files())
        while True:
            await asyncio.sleep(1.0)
            if watch.changed():
                self._reload()

    async def _drain(self) -> None:
        self._draining = True
        level = logging.INFO if self._was_ready else logging.DEBUG
        log.log(level, "draining: calls in flight have %.0f s", self._config.drain_s)
        grace = self._config.drain_s + _KILL_AFTER_S
        await asyncio.gather(*(worker.stop(grace) for worker in self._workers))
        if self._models:
            await self._models.stop(_KILL_AFTER_S)
        if self._exporter:
            await self._exporter.stop(self._config.exporter.drain_seconds + _KILL_AFTER_S)

    def _sockets(self) -> list[Path]:
        live = (slot for slot, worker in enumerate(self._workers) if worker.status.get("ready"))
        return [self._runtime_dir / f"admin-{slot}.sock" for slot in live]

    def _healthz(self) -> Answer:
        return json_answer(200, {"status": "ok", "pid": os.getpid()})

    def _readyz(self) -> Answer:
        workers = {worker.name: dict(worker.status, pid=worker.pid) for worker in self._workers}
        ready = not self._draining and any(
            worker.status.get("ready") and worker.status.get("upstream") for worker in self._workers
        )
        ready = ready and (self._models is None or self._models.settled)
        record_plane = read_status(self._config.state_dir)
        detail = {
            "ready": ready,
            "draining": self._draining,
            "workers": workers,
            "exporter": self._exporter.pid if self._exporter else None,
            "models": self._models.states() if self._models else None,
            "exporter_error": record_plane.last_error if record_plane else "",
            "reload_error": self._reload_error,
        }
        return json_answer(200 if ready else 503, detail)

    def _metrics(self) -> Answer:
        restarts = {child.name: child.restarts for child in self._children()}
        body, kind = exposition(self._runtime_dir / "metrics", self._config.state_dir, restarts)
        return 200, kind, body


def _lock(state_dir: Path) -> Any:
    """One supervisor per state folder: two would fight over spool and store."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (state_dir / "serve.lock").open("a+")
    except OSError as error:
        message = f"cannot write into {state_dir} ({error.strerror}): make it writable, or set another"
        raise ConfigError(message, key="state_dir") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        message = (
            f"another sidecar (pid {handle.read().strip() or 'unknown'}) uses {state_dir}; give each its own"
        )
        raise ConfigError(message, key="state_dir") from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _runtime_dir(state_dir: Path) -> Path:
    """A fresh folder for sockets and metrics, and away with that of a predecessor that was killed. It lies
    elsewhere because the path of a unix socket has at most 107 characters."""
    note, prefix = state_dir / "runtime.path", "sentinel-"
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if note.exists():
        left = Path(note.read_text("utf-8", errors="replace").strip())
        if left.parent == folder.parent and left.name.startswith(prefix):
            shutil.rmtree(left, ignore_errors=True)
    note.write_text(str(folder))
    return folder


def _reserve(address: str, key: str) -> socket.socket | None:
    """Hold a port without listening on it, so that workers can share it and nobody else gets it. None for a
    unix socket.

    SO_REUSEPORT would let us share a port with another program of this user; binding without it first finds
    out.
    """
    if address.startswith("unix:"):
        return None
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        family, *_, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(where)
    except OSError as error:
        message = f"cannot listen on {address} ({error.strerror}): set another, port 0 picks a free one"
        raise ConfigError(message, key=key) from None
    return held


def _address(wanted: str, held: socket.socket | None) -> str:
    return wanted if held is None else f"{wanted.rpartition(':')[0]}:{held.getsockname()[1]}"


async def _listening(admin: Admin, host: str, port: int) -> int:
    try:
        return await admin.start(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        message = f"cannot listen on {host}:{port} ({why}): set another, port 0 picks a free one"
        raise ConfigError(message, key="listen.admin") from None
