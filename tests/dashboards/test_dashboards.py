"""Every statement of every dashboard, macros expanded, on the real engine and real rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from sentinel.core.record import Outcome, Record, Screened
from sentinel.store.base import Store, StoreConfig
from sentinel.store.rows import record_tables
from tests.dashboards.macros import expand
from tests.store.owner import OwnerProcess
from tests.store.records import SECOND_NS, START_NS, allowed, blocked

ROOT = Path(__file__).resolve().parents[2]
START_S = START_NS // SECOND_NS
FILES = sorted((ROOT / "dashboards").glob("*.json"))
CHOICES: list[dict[str, list[str] | None]] = [
    {"route": None, "model": None},
    {"route": ["default", "other"], "model": ["demo"]},
]


OFFERED = {"route": ["default"], "model": ["demo"]}
PANELS = [
    pytest.param(panel, id=f"{file.stem}-{panel['title']}")
    for file in FILES
    for panel in json.loads(file.read_text())["panels"]
]


def unscreened(number: int) -> Record:
    """A call of a method that no adapter knows."""
    fields = {name: getattr(allowed(number), name) for name in Record.__struct_fields__}
    changed = {
        "started_ns": START_NS + number * SECOND_NS,
        "outcome": Outcome.ANSWERED,
        "input_screened": Screened.UNKNOWN_METHOD,
        "decisions": (),
        "screen_us": 0,
    }
    return Record(**{**fields, **changed})


@pytest.fixture(scope="module")
def store(store_owner: OwnerProcess) -> Iterator[Store]:
    """20 exchanges a second apart: every fourth blocked, two of them unscreened, the rest allowed."""
    records = [
        (blocked if number % 4 == 0 else allowed)(number, started_ns=START_NS + number * SECOND_NS)
        for number in range(18)
    ]
    with store_owner.store() as store:
        store.migrate()
        store.insert(record_tables([*records, unscreened(18), unscreened(19)]), "batch")
        yield store


def ask(store: Store, sql: str, variables: dict[str, list[str] | None]) -> list[dict[str, Any]]:
    return store.query(expand(sql, START_S - 60, START_S + 60, 10, variables))


def answer(store: Store, title: str) -> list[dict[str, Any]]:
    (panel,) = (one.values[0] for one in PANELS if one.values[0]["title"] == title)
    return ask(store, panel["targets"][0]["rawSql"], CHOICES[0])


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("variables", CHOICES, ids=["all", "some"])
def test_every_panel_shows_data(
    store: Store, panel: dict[str, Any], variables: dict[str, list[str] | None]
) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        rows = ask(store, target["rawSql"], variables)
        assert rows
        if target["format"] == 0:
            assert list(rows[0])[0] == "time" and len(rows[0]) >= 2


@pytest.mark.parametrize("panel", PANELS)
def test_what_is_not_chosen_is_not_shown(store: Store, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        for row in ask(store, target["rawSql"], {"route": ["elsewhere"], "model": None}):
            assert all(value in (0, None) or value != value for value in row.values()), row


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_variable_offers_something(store: Store, file: Path) -> None:
    variables = json.loads(file.read_text())["templating"]["list"]
    assert variables
    for variable in variables:
        name = variable["name"]
        assert ask(store, variable["query"]["rawSql"], {}) == [{name: choice} for choice in OFFERED[name]]


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Calls", 20),
        ("Rate", 20 / 120),
        ("Blocked", 5 / 20),
        ("Redacted", 0.0),
        ("Not screened", 2 / 20),
        ("Screening, p95", 180.0),
    ],
)
def test_the_numbers_are_right(store: Store, title: str, value: float) -> None:
    ((shown,),) = (row.values() for row in answer(store, title))
    assert shown == pytest.approx(value)


def test_the_rules_are_told_apart(store: Store) -> None:
    rules = {row["rule_id"]: row for row in answer(store, "Rules that fired")}
    assert rules["pii-block"] | {"rule_id": ""} == {
        "rule_id": "",
        "action": "block",
        "mode": "enforce",
        "fired": 5,
        "decided": 5,
        "exchanges": 5,
    }
    assert (rules["pii-shadow"]["mode"], rules["pii-shadow"]["decided"]) == ("shadow", 0)


def test_the_latest_blocks_name_findings(store: Store) -> None:
    rows = answer(store, "Latest blocks and edits")
    assert [row["findings"] for row in rows] == ["CREDIT_CARD, EMAIL_ADDRESS"] * 5
    assert rows[0]["time"] > rows[-1]["time"]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_dashboards", ROOT / "deploy" / "dashboards.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_the_generator_writes() -> None:
    module = generator()
    assert {file.stem for file in FILES} == set(module.DASHBOARDS)
    for file in FILES:
        assert file.read_text() == module.rendered(file.stem), "run `python deploy/dashboards.py`"


def test_panels_do_not_overlap() -> None:
    for file in FILES:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(file.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
            assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
            taken |= cells


def test_the_embedded_data_source_is_where_the_owner_listens() -> None:
    (source,) = yaml.safe_load((ROOT / "dashboards/datasource-embedded.yaml").read_text())["datasources"]
    config = StoreConfig()
    settings = source["jsonData"]
    assert f"{settings['host']}:{settings['port']}" == config.listen
    assert (settings["username"], settings["defaultDatabase"]) == (config.user, config.database)
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
