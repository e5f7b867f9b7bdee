"""The LiteLLM proxy with its content filter, in an environment of its own, without a network."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.peers.environments import Environment, ensure

LITELLM = Environment("litellm", ("litellm[proxy]==1.108.7",))
"""The newest whose requirements could all be had."""

MODEL = "bench"
PREBUILT = (
    "email",
    "credit_card",
    "us_ssn",
    "us_phone",
    "iban",
    "aws_access_key",
    "github_token",
    "slack_token",
)
OWN = {
    "github_fine_grained_token": r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b",
    "private_key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----",
}
"""Regular expressions for what the filter has no pattern for."""

_START_S = 120
_NOWHERE = "http://127.0.0.1:9"


class Proxy(NamedTuple):
    address: str
    pid: int


def config(upstream: str) -> dict[str, object]:
    """The proxy's configuration. JSON is YAML."""
    patterns: list[dict[str, str]] = [
        {"pattern_type": "prebuilt", "pattern_name": name, "action": "MASK"} for name in PREBUILT
    ]
    patterns += [
        {"pattern_type": "regex", "name": name, "pattern": pattern, "action": "MASK"}
        for name, pattern in OWN.items()
    ]
    guardrail = {
        "guardrail": "litellm_content_filter",
        "mode": ["pre_call", "post_call"],
        "default_on": True,
        "patterns": patterns,
    }
    model = {"model": f"openai/{MODEL}", "api_base": f"http://{upstream}/v1", "api_key": "none"}
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": model}],
        "guardrails": [{"guardrail_name": "filter", "litellm_params": guardrail}],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }


def environment() -> dict[str, str]:
    """As its guide for production says, and with nothing to fetch or to tell. Whatever would leave loopback
    is sent to a port that nobody listens on."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    local = (
        "MODEL_COST_MAP",
        "ANTHROPIC_BETA_HEADERS",
        "AUTOROUTER_PRESETS",
        "BLOG_POSTS",
        "POLICY_TEMPLATES",
    )
    return {
        **kept,
        **{f"LITELLM_LOCAL_{name}": "True" for name in local},
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # no authentication on either side
        "HF_HUB_OFFLINE": "1",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    }


@contextlib.contextmanager
def litellm(upstream: str) -> Iterator[Proxy]:
    """One worker. Raises SystemExit with the end of its log when it does not start."""
    python = ensure(LITELLM)
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        file, log = Path(folder) / "config.yaml", Path(folder) / "log"
        file.write_text(json.dumps(config(upstream)))
        command = [str(python.with_name("litellm")), "--config", str(file), "--host", "127.0.0.1"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--num_workers", "1"],
                env=environment(),
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(process, port, log)
            yield Proxy(f"127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2):
                return
        time.sleep(0.5)
    raise SystemExit(f"the LiteLLM proxy did not start:\n{log.read_text(errors='replace')[-3000:]}")
