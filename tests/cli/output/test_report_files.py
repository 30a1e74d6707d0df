"""A report of many requests is written in parts with an index: nothing is lost, and each part says what it is."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.cli.output.report_files import MOST, write_report
from syncer.domain.model import State
from syncer.reports.html.page import report_html
from syncer.reports.propagation import PropagationLog
from syncer.reports.register.part import Part
from tests.conftest import Clock
from tests.support.browser import Tab, chromium, sound
from tests.support.documents import states
from tests.support.documents.month import fulfil
from tests.support.documents.reports import report_csv, report_text
from tests.support.html import Parsed
from tests.support.processes import inside
from tests.support.schemas import valid

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def many(app: App, clock: Clock) -> App:
    """An installation with 45 requests of October, whose ids sort otherwise than the times of their receipt."""
    clock.now = OCTOBER + timedelta(days=9)
    fulfil(app, 25, OCTOBER + timedelta(days=1), name="a")
    fulfil(app, 20, OCTOBER, name="b")
    return app


def written(app: App, out: Path, fmt: str) -> tuple[str, list[str]]:
    """Write a report in parts of 20 requests; return the digests of the index and of the parts."""
    with app.propagation.report(None, None) as report:
        return write_report(report, out, fmt, most=20)


def whole(app: App, out: Path, fmt: str) -> str:
    with app.propagation.report(None, None) as report:
        write_report(report, out, fmt)
    return out.read_text(encoding="utf-8-sig")


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["text", "csv", "json", "html"])
def test_the_index_names_each_part_its_requests_its_span_and_its_digest(many: App, tmp_path: Path, fmt: str) -> None:
    index, parts = written(many, tmp_path / f"log.{fmt}", fmt)
    text = (tmp_path / f"log.{fmt}").read_text(encoding="utf-8-sig")

    assert hashlib.sha256((tmp_path / f"log.{fmt}").read_bytes()).hexdigest() == index
    assert sorted(path.name for path in tmp_path.glob("log*")) == [
        *(f"log-00{n}.{fmt}" for n in (1, 2, 3)),
        f"log.{fmt}",
    ]
    for number, digest in enumerate(parts, 1):
        name = f"log-00{number}.{fmt}"
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
        assert text.index(name) < text.index(digest)


def test_the_csv_parts_hold_the_rows_of_the_whole_and_the_index_is_one_row_for_each(many: App, tmp_path: Path) -> None:
    written(many, tmp_path / "log.csv", "csv")
    index = list(csv.DictReader(io.StringIO((tmp_path / "log.csv").read_text(encoding="utf-8-sig"))))
    rows = [
        row for item in index for row in csv.DictReader(io.StringIO((tmp_path / item["file"]).read_text("utf-8-sig")))
    ]
    all_of_them = list(csv.DictReader(io.StringIO(whole(many, tmp_path / "one.csv", "csv"))))

    assert sorted(map(str, rows)) == sorted(map(str, all_of_them))
    assert [(item["part"], item["of"], item["requests"]) for item in index] == [
        ("1", "3", "20"), ("2", "3", "20"), ("3", "3", "5"),
    ]  # fmt: skip
    received = [moment for item in index for moment in (item["first_received_at"], item["last_received_at"])]
    assert received == sorted(received)
    assert received[0] == "2026-10-01T00:00:00.000000Z"


def test_the_json_parts_keep_to_the_schema_and_count_what_all_of_them_hold(many: App, tmp_path: Path) -> None:
    written(many, tmp_path / "log.json", "json")
    index = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))
    valid("report", index)
    found = []
    for item in index["parts"]:
        part = json.loads((tmp_path / item["file"]).read_text(encoding="utf-8"))
        valid("report", part)
        assert part["part"] == {key: item[key] for key in part["part"]}
        assert len(part["events"]) == item["requests"]
        assert part["summary"] == index["summary"]
        assert part["summary"]["requests"] == 45
        found += [event["id"] for event in part["events"]]
    one = json.loads(whole(many, tmp_path / "one.json", "json"))

    assert "part" not in one
    assert sorted(found) == [event["id"] for event in one["events"]]


def test_who_was_found_again_stands_in_the_part_of_the_request(many: App, tmp_path: Path) -> None:
    event = many.reader.events()[0]
    with many.transactions.write() as tx:
        tx.audit.add("delivery:reappeared", event=event.id, destination="crm", facts={})
    written(many, tmp_path / "log.json", "json")

    told = [json.loads((tmp_path / f"log-00{n}.json").read_text(encoding="utf-8")) for n in (1, 2, 3)]

    assert sum(len(part["reappeared"]) for part in told) == 1
    (there,) = [part for part in told if part["reappeared"]]
    assert event.id in {item["id"] for item in there["events"]}


def test_each_part_says_which_it_is_and_claims_nothing_of_the_others() -> None:
    log = states.log([states.event(1, (states.delivery("crm", State.CONFIRMED, None),))])
    part = _part(log)
    page = " ".join(Parsed("".join(report_html(part))).text.split())

    for text in (report_text(part).replace("\n", " "), page):
        assert "This is part 2 of 3, with 1 request received from 2026-11-19" in text
    assert "Nothing needs a person." not in page
    assert "Nothing in this part is open past its time, held or paused." in page
    assert report_csv(part) == report_csv(log)


def test_what_is_held_in_another_part_is_not_said_to_be_left_out_of_the_report() -> None:
    log = states.log([states.event(1, (states.delivery("crm", State.HELD, "forbidden"),))])
    other = replace(log, events=states.log([]).events)

    assert "More is held at ActiveCampaign than this report shows." in report_text(other)
    assert "More is held" not in report_text(_part(other))


def test_a_pipe_gets_all_in_one(many: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with many.propagation.report(None, None) as report:
        assert write_report(report, None, "json", most=20)[1] == []
        assert write_report(report, Path("/dev/null"), "json", most=20)[1] == []

    assert len(json.loads(capsys.readouterr().out)["events"]) == 45


def test_a_name_that_needs_quoting_is_linked_to_all_the_same(many: App, tmp_path: Path) -> None:
    out = tmp_path / "all of it, 100% & <more> #1.html"
    written(many, out, "html")
    links = [str(link["href"]) for link in Parsed(out.read_text(encoding="utf-8")).all("a")]

    assert "all%20of%20it%2C%20100%25%20%26%20%3Cmore%3E%20%231-001.html" in links


@pytest.mark.slow  # ten thousand requests
def test_the_command_writes_ten_thousand_a_file_and_audits_them_all(
    settings_file: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = settings_file(), tmp_path / "month.csv"
    inside(path, "init")
    with open_app(load_settings(path)) as app:
        fulfil(app, MOST + 50, datetime.now(UTC) - timedelta(days=20))
    done = inside(path, "report", "--format", "csv", "--out", str(out))
    entries = [json.loads(line) for line in inside(path, "audit", "export").stdout.splitlines()]
    (exported,) = [json.loads(item["body"])["facts"] for item in entries if item["what"] == "report:exported"]

    files = [tmp_path / f"month-00{number}.csv" for number in (1, 2)]
    assert done.returncode == 0, done.stderr
    assert [file.read_bytes().count(b"\r\n") for file in files] == [2 * MOST + 1, 101]
    assert exported["rows"] == 2 * (MOST + 50)
    assert exported["parts"] == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert exported["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


# -- a real browser -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_index_and_a_part_look_right_and_the_link_leads_there(
    tab: Tab, many: App, tmp_path: Path, width: int, dark: bool
) -> None:
    written(many, tmp_path / "log.html", "html")
    for name in ("log.html", "log-002.html"):
        sound(tab, tmp_path / name, width, dark=dark)
    tab.open(tmp_path / "log.html")

    assert tab.value("document.querySelector('#parts a').href").endswith("/log-001.html")


def _part(log: PropagationLog) -> PropagationLog:
    part = Part(2, 3, len(log.events), states.NOW - timedelta(days=9), states.NOW - timedelta(days=2))
    return replace(log, part=part)
