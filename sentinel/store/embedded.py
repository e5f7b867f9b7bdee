"""The embedded store's owner, and how other commands find it.

- One process holds the engine: `<path>.lock` is locked (flock) as long as it does and holds its pid. The lock
  goes with the process, however it ends.
- The owner writes the address of its HTTP interface to `<state dir>/store.addr` when it answers there, and
  removes the file when it stops. A file left by a killed owner is seen by the ping that fails.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
from pathlib import Path
from typing import IO

import clickhouse_connect

from sentinel.core.errors import ConfigError, StoreError
from sentinel.store.base import Store, StoreConfig, connect_http

ADDRESS_FILE = "store.addr"


def database_path(config: StoreConfig, state_dir: Path) -> Path:
    return config.path or state_dir / "store"


def owner_address(state_dir: Path) -> str:
    """HOST:PORT that an owner wrote, or ""; it may have died since."""
    try:
        return (state_dir / ADDRESS_FILE).read_text("ascii").strip()
    except OSError:
        return ""


class _Lock:
    """The exclusive right to open the database at `path`. Raises StoreError (retryable) when taken."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = open(path.with_name(path.name + ".lock"), "a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            pid = self._file.read().strip() or "unknown"
            self._file.close()
            raise StoreError(
                f"the store at {path} is held by process {pid}: stop that process, or give this one a "
                "`store.path` of its own",
                retryable=True,
            ) from None
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


class _OwnStore(Store):
    """A Store whose engine is in this process; closing it gives the database free."""

    lock: _Lock

    def close(self) -> None:
        super().close()
        self.lock.release()


def _open_here(config: StoreConfig, path: Path) -> _OwnStore:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _Lock(path)
    except OSError as error:
        raise StoreError(f"cannot open the store at {path}: {error.strerror}", retryable=False) from error
    try:
        client = clickhouse_connect.get_client(
            interface="chdb",
            path=str(path.resolve()),
            chdb_options={"max_server_memory_usage": config.memory_mb * 1024 * 1024},
        )
    except ImportError:
        lock.release()
        raise _no_engine() from None
    except Exception as error:
        lock.release()
        why = str(error).partition("Stack trace")[0].strip()[:600]
        raise StoreError(f"the engine cannot open {path}: {why}", retryable=False) from None
    store = _OwnStore(client, config, str(path))
    store.lock = lock
    return store


def _no_engine() -> ConfigError:
    return ConfigError(
        "the embedded store needs chdb: pip install 'sentinel-sidecar[embedded]', or set `kind: clickhouse`",
        key="store.kind",
    )


def open_embedded(config: StoreConfig, state_dir: Path) -> Store:
    """The owner's store over HTTP when one answers, else the database itself."""
    address = owner_address(state_dir)
    if address:
        try:
            return connect_http(config, address)
        except StoreError as error:
            if not error.retryable:
                raise
    path = database_path(config, state_dir)
    if not path.exists():
        raise StoreError(
            f"no store yet at {path}: start the sidecar once, it creates the store", retryable=False
        )
    return _open_here(config, path)


class EmbeddedOwner:
    """Holds the engine and serves it, within a `with`. One per database.

    `.store` inserts without a detour through HTTP; `.address` is the HOST:PORT where everyone else asks.
    """

    def __init__(self, config: StoreConfig, state_dir: Path) -> None:
        self._config, self._state_dir = config, state_dir
        self.address = ""

    def __enter__(self) -> EmbeddedOwner:
        try:
            from sentinel.store._engine import Engine, engine_location
            from sentinel.store._http_front import HttpFront
        except ImportError:
            raise _no_engine() from None

        _refuse_open_door(self._config)
        path = database_path(self._config, self._state_dir)
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self.store: Store = _open_here(self._config, path)
        try:
            self._engine = Engine(engine_location(path, self._config.memory_mb))
            password = self._config.password()
            self._front = HttpFront(self._engine, self._config.listen, self._config.user, password)
            self._front.start()
        except OSError as error:
            self.store.close()
            listen = self._config.listen
            raise StoreError(
                f"cannot listen on {listen} ({error.strerror}): set another `store.listen`, port 0 picks one",
                retryable=False,
            ) from error
        except BaseException:
            self.store.close()
            raise
        self.address = self._front.address
        _write_atomically(self._state_dir / ADDRESS_FILE, self.address + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        (self._state_dir / ADDRESS_FILE).unlink(missing_ok=True)
        self._front.stop()
        self._engine.close()
        self.store.close()


def _refuse_open_door(config: StoreConfig) -> None:
    host = config.listen.rpartition(":")[0].strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and config.password_file is None:
        raise ConfigError(
            f"{host} can be reached from elsewhere: set `store.password_file`, or listen on 127.0.0.1",
            key="store.listen",
        )


def _write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text, "ascii")
    draft.replace(path)
