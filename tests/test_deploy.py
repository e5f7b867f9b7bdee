"""The image, the compose file and what they refer to: parsed, and everything that is named exists."""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.cli.envoy_config import bootstrap
from sentinel.config import load_config

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def mounts(service: str) -> dict[str, str]:
    """Where -> what, of each volume of a service."""
    return {volume.split(":")[1]: volume.split(":")[0] for volume in SERVICES[service].get("volumes", ())}


def test_services() -> None:
    assert set(SERVICES) == {"secrets", "sentinel", "model", "http-model", "envoy", "clickhouse", "grafana"}


@pytest.mark.parametrize("service", SERVICES)
class TestEachService:
    def test_what_it_mounts_exists(self, service: str) -> None:
        for source in mounts(service).values():
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]

    def test_it_waits_for_services_that_can_tell(self, service: str) -> None:
        for name, how in SERVICES[service].get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[name]["healthcheck"]
            else:
                assert how["condition"] == "service_completed_successfully"

    def test_it_is_bounded_and_watched(self, service: str) -> None:
        assert re.fullmatch(r"\d+[mg]", SERVICES[service]["mem_limit"])
        assert SERVICES[service]["healthcheck"]

    def test_it_listens_on_this_machine_only(self, service: str) -> None:
        for port in SERVICES[service].get("ports", ()):
            assert port.startswith("127.0.0.1:")

    def test_its_image_has_a_version(self, service: str) -> None:
        image = re.sub(r"\$\{\w+:-(.+)\}", r"\1", SERVICES[service]["image"])
        tag = image.partition(":")[2]
        assert tag and tag != "latest"

    def test_no_password_is_written_down(self, service: str) -> None:
        for name, value in SERVICES[service].get("environment", {}).items():
            if "PASSWORD" in name and not name.endswith("_FILE"):
                assert value == f"${{{name}:-}}"


def test_every_volume_is_used() -> None:
    used = {source for service in SERVICES for source in mounts(service).values()}
    assert set(COMPOSE["volumes"]) <= used


@pytest.mark.parametrize("name", ["sentinel.compose.yaml", "sentinel.yaml"])
def test_configurations_load(name: str) -> None:
    config = load_config(ROOT / "deploy" / name)
    assert str(config.state_dir) == "/var/lib/sentinel"
    assert (config.listen.grpc, config.listen.admin) == ("0.0.0.0:8081", "0.0.0.0:9464")


def test_the_configuration_fits_the_compose_file() -> None:
    config = load_config(ROOT / "deploy" / "sentinel.compose.yaml")
    inside = mounts("sentinel")
    assert inside["/etc/sentinel/sentinel.yaml"] == "./deploy/sentinel.compose.yaml"
    assert str(config.state_dir) in inside
    assert str(config.store.password_file).rpartition("/")[0] in inside
    assert config.store.address.partition(":")[0] in SERVICES
    host, _, port = config.upstream.address.partition(":")
    assert f"0.0.0.0:{port}" in SERVICES[host]["command"]
    published = {port.split(":")[-1] for port in SERVICES["sentinel"]["ports"]}
    assert published == {address.rpartition(":")[2] for address in (config.listen.grpc, config.listen.admin)}
    grace = int(SERVICES["sentinel"]["stop_grace_period"].removesuffix("s"))
    assert grace > config.drain_s + config.exporter.drain_seconds + 5


def test_envoy_has_what_the_command_writes() -> None:
    inside = mounts("envoy")
    made = (ROOT / inside["/etc/envoy/envoy.yaml"]).read_text()
    config = load_config(ROOT / "deploy" / "sentinel.compose.yaml")
    port = (config.listen.ext_proc or "").rpartition(":")[2]
    assert yaml.safe_load(made) == bootstrap(
        "0.0.0.0:10000", "http://http-model:8000", f"sentinel:{port}", "127.0.0.1:9901"
    )
    assert "0.0.0.0:8000" in SERVICES["http-model"]["command"]
    assert SERVICES["envoy"]["ports"] == ["127.0.0.1:10000:10000"]
    assert "/dev/tcp/127.0.0.1/9901" in SERVICES["envoy"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("service", ["envoy", "http-model"])
def test_envoy_is_for_those_who_ask(service: str) -> None:
    assert SERVICES[service]["profiles"] == ["envoy"]
    others = [each for each in SERVICES.values() if "profiles" not in each]
    assert all(service not in each.get("depends_on", {}) for each in others)


def test_grafana_is_provisioned() -> None:
    inside = mounts("grafana")
    provisioning = ROOT / inside["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources/sentinel.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/sentinel.yaml").read_text())["providers"]
    assert source["type"] == SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"]
    assert source["jsonData"]["host"] in SERVICES
    assert source["jsonData"]["username"] == "grafana"
    assert provider["options"]["path"] in inside
    for path in (
        source["secureJsonData"]["password"].removeprefix("$__file{").removesuffix("}"),
        SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"],
    ):
        assert path.rpartition("/")[0] in inside


def test_dashboards_use_the_provisioned_source() -> None:
    source = (ROOT / "dashboards/provisioning/datasources/sentinel.yaml").read_text()
    uid = yaml.safe_load(source)["datasources"][0]["uid"]
    for dashboard in (ROOT / "dashboards").glob("*.json"):
        uids = set(
            re.findall(
                r'"type":\s*"grafana-clickhouse-datasource",\s*"uid":\s*"([^"]*)"', dashboard.read_text()
            )
        )
        assert uids <= {uid}, dashboard.name


def test_clickhouse_ends_its_own_logs() -> None:
    root = ET.parse(ROOT / "deploy/clickhouse/system-logs.xml").getroot()
    logs = [element for element in root if element.tag.endswith("_log")]
    assert {"query_log", "part_log", "trace_log", "metric_log", "text_log"} <= {log.tag for log in logs}
    for log in logs:
        ttl = log.findtext("ttl") or ""
        assert log.get("remove") == "1" or re.fullmatch(r"event_date \+ INTERVAL \d DAY DELETE", ttl), log.tag


def test_readers_may_set_their_time_limit_and_nothing_else() -> None:
    root = ET.parse(ROOT / "deploy/clickhouse/profiles.xml").getroot()
    reader = root.find("profiles/sentinel_reader")
    assert reader is not None
    assert reader.findtext("readonly") == "1"
    constraints = reader.find("constraints")
    assert constraints is not None
    assert [element.tag for element in constraints] == ["max_execution_time"]
    assert constraints.find("max_execution_time/changeable_in_readonly") is not None


class TestSecrets:
    @pytest.fixture
    def make(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        folders = [tmp_path / name for name in ("sentinel", "grafana", "clickhouse")]
        for folder in folders:
            folder.mkdir()
        for name in SERVICES["secrets"]["environment"]:
            monkeypatch.delenv(name, raising=False)
        main = runpy.run_path(str(ROOT / "deploy/make_secrets.py"))["main"]

        def run() -> dict[str, str]:
            assert main([str(folder) for folder in folders]) == 0
            files = [file for folder in folders for file in folder.iterdir()]
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o444}
            return {str(file.relative_to(tmp_path)): file.read_text() for file in files}

        return run

    def test_each_is_made_once_and_kept(self, make: Any) -> None:
        first = make()
        assert set(first) == {
            "sentinel/clickhouse-password",
            "grafana/clickhouse-password",
            "grafana/admin-password",
            "clickhouse/sentinel-users.xml",
            "clickhouse/profiles.xml",
        }
        passwords = {text for name, text in first.items() if name.endswith("-password")}
        assert len(passwords) == 3 and min(map(len, passwords)) >= 32
        assert make() == first

    def test_clickhouse_knows_hashes_only(self, make: Any) -> None:
        files = make()
        users = ET.fromstring(files["clickhouse/sentinel-users.xml"]).find("users")
        profiles = ET.fromstring(files["clickhouse/profiles.xml"]).find("profiles")
        assert users is not None and profiles is not None
        for user, file in (("sentinel", "sentinel"), ("grafana", "grafana")):
            password = files[f"{file}/clickhouse-password"]
            digest = hashlib.sha256(password.encode()).hexdigest()
            assert users.findtext(f"{user}/password_sha256_hex") == digest
            assert profiles.find(str(users.findtext(f"{user}/profile"))) is not None
            assert password not in files["clickhouse/sentinel-users.xml"]
        assert users.findtext("grafana/grants/query") == "GRANT SELECT ON sentinel.*"

    def test_the_environment_decides(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        make()
        monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "chosen")
        assert make()["grafana/admin-password"] == "chosen"
        monkeypatch.delenv("GRAFANA_ADMIN_PASSWORD")
        assert make()["grafana/admin-password"] == "chosen"

    def test_the_command_is_the_script_s(self) -> None:
        _, script, *folders = SERVICES["secrets"]["command"]
        inside = mounts("secrets")
        assert (ROOT / inside["/deploy"] / Path(script).name).exists()
        assert len(folders) == 3 and all(folder in inside for folder in folders)


class TestImage:
    def test_what_it_copies_exists_and_is_in_the_context(self) -> None:
        kept = {
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        }
        copies = [
            line for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
        ]
        sources = [word for line in copies for word in line.split()[1:-1] if not word.startswith("--")]
        assert sources
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in kept, source

    def test_it_runs_as_nobody_in_particular(self) -> None:
        last = DOCKERFILE.rpartition("\nFROM ")[2]
        assert re.search(r"^USER sentinel$", last, re.MULTILINE)
        assert last.index("USER sentinel") < last.index("RUN sentinel") < last.index('CMD ["sentinel"')

    def test_it_is_watched_on_the_port_that_it_serves(self) -> None:
        config = load_config(ROOT / "deploy" / "sentinel.yaml")
        exposed = re.search(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
        assert exposed is not None
        ports = [address.rpartition(":")[2] for address in (config.listen.grpc, config.listen.admin)]
        assert exposed[1].split() == ports
        assert f"http://127.0.0.1:{ports[1]}/healthz" in DOCKERFILE

    def test_its_commands_exist(self) -> None:
        built = re.findall(r"^RUN sentinel (.+)$", DOCKERFILE, re.MULTILINE)
        started = re.findall(r'^CMD \["sentinel", "(\w+)"', DOCKERFILE, re.MULTILINE)
        assert len(built) == len(started) == 1
        for command in built + started:
            done = subprocess.run(
                [sys.executable, "-m", "sentinel.cli", *command.split(), "--help"],
                capture_output=True,
                cwd=ROOT,
            )
            assert done.returncode == 0, done.stderr.decode()


def compose_client() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not compose_client(), reason="no docker compose client")
def test_docker_compose_accepts_the_file() -> None:
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, env={**os.environ}
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
