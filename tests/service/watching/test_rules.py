"""The alerting rules and the dashboard of docs/: every figure they use is handed out, and every rule fires."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

from syncer.app import App
from syncer.domain.model import State
from syncer.service import metrics
from syncer.service.drain import drain
from tests.support.documents.pages import anchors
from tests.support.paths import ROOT
from tests.support.servers import Missing, binary
from tests.support.session import tools
from tests.support.walk import put

RULES = ROOT / "docs" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"
#: a figure in an expression, with its selector
FIGURE = re.compile(r"\b(syncer_[a-z_]+)\b(?:\{([^}]*)\})?")
BY = re.compile(r"\bby \(([^)]*)\)")

#: samples five minutes apart, so many that four days are covered
STEP, MANY = 5, 1200
#: what makes each rule fire: the figure and its samples, and the minutes until then
FIRES: Mapping[str, tuple[Mapping[str, str], int]] = {
    "SyncerOverdue": ({"syncer_overdue_events": "1"}, 10),
    "SyncerDueSoon": ({'syncer_warned_events{days="21"}': "2"}, 10),
    "SyncerOpenForLong": ({'syncer_warned_events{days="14"}': "2"}, 10),
    "SyncerAnsweredLate": ({"syncer_answered_late_events": "0x300 1x300"}, 26 * 60),
    "SyncerGuardTripped": ({'syncer_guard_tripped{destination="crm"}': "1"}, 10),
    "SyncerGuardedForLong": ({'syncer_guard_waiting{destination="crm"}': "30"}, 2 * 24 * 60 + 10),
    "SyncerHeld": ({'syncer_events{state="held"}': "1"}, 70),
    "SyncerShadowForgotten": ({'syncer_shadow{destination="crm"}': "1"}, 3 * 24 * 60 + 10),
    "SyncerAbsent": ({"syncer_up": ""}, 20),
    "SyncerDatabaseAway": ({"syncer_up": "0"}, 10),
    "SyncerStandsStill": ({"syncer_audit_entries": "50"}, 4 * 60),
    "SyncerQueueNotTaken": ({"syncer_queue_waiting": "3"}, 20),
    "SyncerLanePaused": ({'syncer_lane_paused{destination="crm"}': "1"}, 40),
    "SyncerLanePausedForLong": ({'syncer_lane_paused{destination="crm"}': "1"}, 24 * 60 + 10),
    "SyncerRetrying": ({'syncer_deliveries{destination="crm", state="retrying"}': "1"}, 6 * 60 + 10),
    "SyncerLogNotVerified": ({"syncer_audit_verified_ok": "0"}, 20),
    "SyncerLogIsShorter": ({"syncer_audit_entries": "100x12 40x100"}, 90),
}


@pytest.fixture
def printed(app: App) -> str:
    """What `syncer metrics` prints of an installation at which something was done and verified."""
    put(app, "erasure", "ada@lovelace.test", "k1")
    drain(app)
    app.verified.record(app.verify())
    return metrics.text(app)


def rules() -> list[Mapping[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[Mapping[str, Any]]:
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression with where it stands."""
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from ((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"])
    for variable in json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            name, _, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").partition(", ")
            yield variable["name"], f'{name}{{{label}=""}}'


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    try:
        command = binary("promtool")
    except Missing as missing:
        tools.skip("promtool", str(missing))
    return subprocess.run([command, *map(str, words)], capture_output=True, encoding="utf-8", check=False)


def test_every_figure_and_every_label_that_is_used_is_handed_out(printed: str) -> None:
    there: dict[str, set[str]] = {}
    for sample in (sample for family in parse(printed) for sample in family.samples):
        there.setdefault(sample.name, set()).update(sample.labels)
    missing = set()
    for where, expression in expressions():
        grouped = {label.strip() for labels in BY.findall(expression) for label in labels.split(",")}
        for name, selector in FIGURE.findall(expression):
            used = grouped | set(re.findall(r"([a-z_]+)\s*=~?\"", selector))
            if name not in there or not used <= there[name]:
                missing.add((where, name, *sorted(used - there.get(name, set()))))

    assert missing == set()


@pytest.mark.slow
def test_whatever_is_handed_out_is_on_the_dashboard(printed: str) -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name, _ in FIGURE.findall(target["expr"])}

    assert {sample.name for family in parse(printed) for sample in family.samples} <= shown


def test_every_state_of_a_delivery_is_on_the_dashboard_and_told_from_the_others() -> None:
    shown = set[str]()
    for target in (target for panel in panels() for target in panel["targets"]):
        for states in re.findall(r'syncer_deliveries\{[^}]*state=~?"([a-z_|]+)"', target["expr"]):
            shown |= set(states.split("|"))
            assert "|" not in states or "{{state}}" in target["legendFormat"], target["expr"]

    assert shown == set(State)


def test_every_rule_says_how_bad_it_is_what_it_is_and_where_the_runbook_says_more() -> None:
    known = anchors(ROOT / "docs" / "runbook.md")

    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/runbook.md", rule["alert"]
        assert anchor in known, rule["alert"]


def test_every_rule_has_a_case_below_in_which_it_fires() -> None:
    assert [rule["alert"] for rule in rules()] == list(FIRES)


def test_prometheus_reads_the_rules_and_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    written = [(title, expr.replace("$destination", ".*")) for title, expr in expressions()]
    recorded = [{"record": f"r{number}", "expr": expr} for number, (_, expr) in enumerate(written)]
    (tmp_path / "all.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "all", "rules": recorded}]}), encoding="utf-8"
    )

    for file in (RULES, tmp_path / "all.yml"):
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", file)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow  # promtool computes four days of it
def test_none_fires_where_all_is_well_and_each_where_it_should(printed: str, tmp_path: Path) -> None:
    well = _samples(printed)
    tests = [_test("well", well, 3 * 24 * 60 + 30, 'count(ALERTS{alertstate="firing"})', fires=False)]
    for alert, (wrong, minutes) in FIRES.items():
        series = {name: values for name, values in (well | wrong).items() if values}
        firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        tests.append(_test(alert, series, minutes, firing, fires=True))
    test = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP}m", "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test, sort_keys=False), encoding="utf-8")

    done = promtool("test", "rules", tmp_path / "test.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def _samples(printed: str) -> dict[str, str]:
    """Every sample as a series that stays as it is; the log grows."""
    found = {}
    for sample in (sample for family in parse(printed) for sample in family.samples):
        labels = ", ".join(f'{name}="{value}"' for name, value in sample.labels.items())
        found[f"{sample.name}{{{labels}}}" if labels else sample.name] = f"{sample.value:.0f}"
    return found | {"syncer_audit_entries": f"10+1x{MANY}"}


def _test(name: str, series: Mapping[str, str], minutes: int, expr: str, *, fires: bool) -> dict[str, Any]:
    values = {name: text if "x" in text else f"{text}x{MANY}" for name, text in series.items()}
    asked = {"expr": expr, "eval_time": f"{minutes}m", "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}
    return {
        "name": name,
        "interval": f"{STEP}m",
        "input_series": [{"series": each, "values": text} for each, text in values.items()],
        "promql_expr_test": [asked],
    }


def test_no_two_panels_share_a_number_or_a_place() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for one, other in combinations([panel["gridPos"] for panel in panels()], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels())
    assert all(panel["description"] for panel in panels())
