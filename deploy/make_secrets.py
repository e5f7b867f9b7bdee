"""Makes the passwords that docker-compose.yml's services share, once: none is in a file of the repository.

    python make_secrets.py SENTINEL_DIR GRAFANA_DIR CLICKHOUSE_DIR

Each folder is a volume that only its own service sees. A password comes from the environment
(SENTINEL_CLICKHOUSE_PASSWORD, GRAFANA_CLICKHOUSE_PASSWORD, GRAFANA_ADMIN_PASSWORD) when that is set, else
from the file of an earlier start, else from the system's random source. ClickHouse is given hashes only, and
the profiles of its users beside them: its folder for users holds nothing else.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path
from xml.sax.saxutils import escape

_PROFILES = Path(__file__).parent / "clickhouse" / "profiles.xml"
_USER = """        <{name}>
            <password_sha256_hex>{digest}</password_sha256_hex>
            <networks><ip>::/0</ip></networks>
            <profile>{profile}</profile>
            <quota>default</quota>
            <grants><query>{grant}</query></grants>
        </{name}>
"""


def password(variable: str, file: Path) -> str:
    """The password in force; `file` holds it afterwards."""
    found = os.environ.get(variable, "") or (file.read_text().strip() if file.exists() else "")
    found = found or secrets.token_urlsafe(24)
    write(file, found)
    return found


def write(file: Path, text: str) -> None:
    """Readable to the service's own user, whose id this container does not know."""
    part = file.with_suffix(".part")
    part.write_text(text)
    part.chmod(0o444)
    part.replace(file)


def user(name: str, secret: str, profile: str, grant: str) -> str:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return _USER.format(name=name, digest=digest, profile=profile, grant=escape(grant))


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    sentinel, grafana, clickhouse = map(Path, arguments)
    writer = password("SENTINEL_CLICKHOUSE_PASSWORD", sentinel / "clickhouse-password")
    reader = password("GRAFANA_CLICKHOUSE_PASSWORD", grafana / "clickhouse-password")
    password("GRAFANA_ADMIN_PASSWORD", grafana / "admin-password")
    users = user("sentinel", writer, "sentinel_writer", "GRANT ALL ON sentinel.*")
    users += user("grafana", reader, "sentinel_reader", "GRANT SELECT ON sentinel.*")
    text = f"<clickhouse>\n    <users>\n{users}    </users>\n</clickhouse>\n"
    write(clickhouse / "sentinel-users.xml", text)
    write(clickhouse / "profiles.xml", _PROFILES.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
