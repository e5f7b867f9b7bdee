"""An embedded store's owner in a process of its own (`python -m tests.store.owner STATE_DIR CONFIG_JSON`): it
serves until its standard input ends."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from sentinel.store.base import Store, StoreConfig, TtlDays, open_store

LONG = TtlDays(traces=10_000, exchanges=10_000, decisions=10_000, findings=10_000)


class OwnerProcess:
    """Started on entering; `address` is where it answers."""

    def __init__(self, state_dir: Path, **config: Any) -> None:
        self.state_dir = state_dir
        self.config = StoreConfig(**{"listen": "127.0.0.1:0", **config})

    def __enter__(self) -> OwnerProcess:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.state_dir), self.config.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the owner did not start"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def store(self, **config: Any) -> Store:
        """A Store over HTTP with a database of its own, not yet migrated. Rows of any year are kept."""
        named = {"database": f"t_{uuid.uuid4().hex[:12]}", "ttl_days": LONG, **config}
        return open_store(self.config.model_copy(update=named), self.state_dir)


def main() -> None:
    from sentinel.store.embedded import EmbeddedOwner

    state_dir, config = sys.argv[1:]
    with EmbeddedOwner(StoreConfig.model_validate_json(config), Path(state_dir)) as owner:
        print(owner.address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
