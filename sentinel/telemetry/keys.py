"""The keys that matched values are hashed with. A key file holds one key a line, `ID HEX`, newest last: the
last one hashes, the others are kept so that values hashed with them can still be found."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.redact import Redactor

_LINE = re.compile(r"([A-Za-z0-9_.-]{1,32})\s+([0-9a-fA-F]{32,})")


class RedactionConfig(BaseModel):
    """`redaction:`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_file: Path | None = Field(
        None,
        description="File of keys, `ID HEX` a line, newest last (default: STATE_DIR/hmac.keys, made once).",
    )
    key_env: str = Field(
        "SENTINEL_HMAC_KEYS",
        description="Environment variable that holds the same lines; it precedes the file.",
    )


def load_redactors(config: RedactionConfig, state_dir: Path) -> list[Redactor]:
    """Newest first; never empty. Raises ConfigError naming the variable or file, never quoting a key."""
    text = os.environ.get(config.key_env, "")
    if text.strip():
        return _parse(text, f"environment variable {config.key_env}", "redaction.key_env")
    path = config.key_file
    if path is None:
        path = state_dir / "hmac.keys"
        try:
            _make_once(path)
        except OSError as error:
            message = f"cannot make {path} ({error.strerror}): make the folder writable, or set another"
            raise ConfigError(message, key="state_dir") from None
    try:
        text = path.read_text("ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", key="redaction.key_file") from None
    return _parse(text, str(path), "redaction.key_file")


def _parse(text: str, where: str, key: str) -> list[Redactor]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if not match or len(match[2]) % 2:
            message = f"line {number} of {where} is not `ID HEX` with at least 32 hexadecimal digits"
            raise ConfigError(message, key=key)
        found.append(Redactor(bytes.fromhex(match[2]), match[1]))
    if not found:
        raise ConfigError(f"{where} holds no key; write a line `k1 HEX` (openssl rand -hex 32)", key=key)
    return found[::-1]


def _make_once(path: Path) -> None:
    """Whoever comes first makes the key; several processes may start at once."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, f"k1 {secrets.token_hex(32)}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(mine, path)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
