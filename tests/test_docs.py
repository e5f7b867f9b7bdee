"""docs/operations.md says what the code says; every model's card says what it must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from sentinel import instruments
from sentinel.app import metrics
from sentinel.app.worker import _NEED_RESTART
from sentinel.config import SentinelConfig

DOCS = Path(__file__).resolve().parents[1] / "docs"
DOC = (DOCS / "operations.md").read_text("utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)]


def names() -> set[str]:
    """Of all metrics, as Prometheus shows them."""
    declared = [value for value in vars(instruments).values() if isinstance(value, MetricWrapperBase)]
    found = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for instrument in declared
        for metric in instrument.describe()
    }
    found |= {name for name, _ in metrics._GAUGES.values()}
    found |= {f"{name}_total" for name, _ in metrics._COUNTERS.values()}
    return found | {"sentinel_restarts_total", "sentinel_exporter_silent_seconds"}


def test_every_metric_is_named_and_every_name_is_a_metric() -> None:
    named = set(re.findall(r"\b(?:sentinel|gen_ai)_[a-z_]+", DOC)) - {"sentinel_exchanges"}
    assert named == names()


@pytest.mark.parametrize("value", [block for block in BLOCKS if "kind" not in block])
def test_settings_are_correct(value: object) -> None:
    SentinelConfig.model_validate(value)


def test_keys_that_need_a_restart_are_named() -> None:
    named = DOC[DOC.index("needs a restart") : DOC.index("So do three things")]
    assert re.findall(r"`(\w+)`", named) == _NEED_RESTART


def test_the_pod_is_given_the_time_that_a_stop_takes() -> None:
    config = SentinelConfig()
    (pod,) = [block for block in BLOCKS if block.get("kind") == "Pod"]
    needed = config.drain_s + config.exporter.drain_seconds + 10
    assert pod["spec"]["terminationGracePeriodSeconds"] >= needed


@pytest.mark.parametrize("card", sorted((DOCS / "models").glob("*.md")), ids=lambda card: card.stem)
def test_a_card_says_what_is_known_of_groups_of_people(card: Path) -> None:
    assert re.search(r"groups of people|^## Groups|\*\*Groups\.\*\*", card.read_text("utf-8"), re.I | re.M)
