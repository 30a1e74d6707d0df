"""What commands print where standard output is not UTF-8, and what a spreadsheet makes of a file of theirs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from syncer.reports.as_csv import csv_safe
from tests.support.processes import command
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

SOURCE, REASON = "Bücherladen №1 😀", "Gericht: Frist läuft – №2"
PERSON = "ada@lovelace.test"
#: how a machine may be set up: a container without a locale, a script's choice, a Windows terminal
PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
NARROW = {"no locale": PLAIN, "ascii": {"PYTHONIOENCODING": "ascii"}, "strict": {"PYTHONIOENCODING": "cp1252:strict"}}


@pytest.fixture
def settings(settings_file: Callable[..., Path], activecampaign: ActiveCampaignSandbox) -> Path:
    """An installation with a held event whose source and reasons are outside ASCII."""
    path = settings_file()
    assert run(path, "init").returncode == 0
    activecampaign.admin = False
    for address in (PERSON, "grace@hopper.test"):
        activecampaign.add(address)
        run(path, "submit", "erasure", "--source", SOURCE, stdin=address)
    run(path, "drain")
    held = as_json(path, "events")[0]["id"]
    done = run(path, "exempt", held, "--destination", "crm", "--ground", "legal_claims", "--reason", REASON)
    assert done.returncode == 0, done.stderr
    return path


def raw(settings: Path, *words: str, stdin: bytes = b"", env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(settings, *words), input=stdin, capture_output=True, timeout=120, check=False, env={**os.environ, **env}
    )


def exported(settings: Path) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines()]
    return [json.loads(entry["body"])["facts"] for entry in entries if entry["what"] == "report:exported"]


@pytest.mark.slow
@pytest.mark.parametrize("env", NARROW.values(), ids=NARROW)
def test_no_command_fails_for_what_its_output_cannot_show(settings: Path, env: dict[str, str]) -> None:
    event = as_json(settings, "events")[0]["id"]
    encoding = "cp1252" if "1252" in str(env) else "ascii"

    for words in (
        ("status",), ("events",), ("show", event), ("check",), ("report",), ("report", "--format", "csv"), ("find",),
        ("resync", "--held", "--reason", REASON), ("audit", "verify"), ("audit", "export", "--format", "csv"),
    ):  # fmt: skip
        done = raw(settings, *words, stdin=PERSON.encode(), env=env)
        shown = done.stdout.decode(encoding)

        assert done.returncode in (0, 1), (words, done.stderr)
        assert shown
        if words[0] in ("report", "show"):
            assert "№" not in shown
            assert ("Gericht: Frist l\\u00e4uft \\u2013" if encoding == "ascii" else "läuft – \\u21162") in " ".join(
                shown.split()
            )


@pytest.mark.slow
@pytest.mark.parametrize("env", NARROW.values(), ids=NARROW)
def test_json_stays_json_and_says_the_same_on_every_output(settings: Path, env: dict[str, str]) -> None:
    event = as_json(settings, "events")[0]["id"]

    for words in (("show", event, "--json"), ("report", "--format", "json"), ("audit", "export"), ("check", "--json")):
        done = raw(settings, *words, env=env)

        assert done.returncode in (0, 1), (words, done.stderr)
        assert done.stdout.isascii()
        for line in done.stdout.splitlines() if words[0] == "audit" else [done.stdout]:
            json.loads(line)
        if words[0] in ("show", "report"):
            assert SOURCE in json.dumps(json.loads(done.stdout), ensure_ascii=False)


@pytest.mark.slow
@pytest.mark.parametrize("env", NARROW.values(), ids=NARROW)
def test_what_is_typed_in_utf_8_is_kept_as_typed_whatever_the_locale(settings: Path, env: dict[str, str]) -> None:
    words = ("submit", "objection", "--source", "Büro", "--ref", "№7")
    keys = [raw(settings, *words, stdin=b"new@x.test", env=one).stdout.split() for one in (env, {})]
    raw(settings, "drain", env=env)
    lane = raw(settings, "pause", "crm", "--reason", REASON, env=env)

    assert lane.returncode == 0, lane.stderr
    assert keys[0] == keys[1] != []
    (event,) = [event for event in as_json(settings, "events") if event["source"] == "Büro"]
    assert event["source_ref"] == "№7"
    bodies = "".join(json.loads(line)["body"] for line in run(settings, "audit", "export").stdout.splitlines())
    assert REASON in bodies


@pytest.mark.slow
@pytest.mark.parametrize("env", [*NARROW.values(), {}], ids=[*NARROW, "utf-8"])
def test_the_audit_keeps_the_digest_of_exactly_what_was_written(settings: Path, env: dict[str, str]) -> None:
    for fmt in ("text", "json", "csv", "html"):
        done = raw(settings, "report", "--format", fmt, env=env)
        assert exported(settings)[-1]["sha256"] == hashlib.sha256(done.stdout).hexdigest(), fmt
        if fmt == "html":
            assert SOURCE in done.stdout.decode()


@pytest.mark.slow
@pytest.mark.parametrize("env", NARROW.values(), ids=NARROW)
def test_notes_and_the_plugin_are_utf_8_wherever_they_go(settings: Path, env: dict[str, str]) -> None:
    note = raw(settings, "audit", "checkpoint", env=env)
    plugin = raw(settings, "wordpress", "install", "--wp-content", "-", env=env)

    assert "— syncer/" in note.stdout.decode("utf-8")
    assert plugin.stdout.decode("utf-8").startswith("<?php")


@pytest.mark.slow
def test_a_csv_file_opens_in_a_spreadsheet_and_other_files_have_no_mark(settings: Path, tmp_path: Path) -> None:
    for fmt, words in {
        "csv": ("report", "--format", "csv"),
        "json": ("report", "--format", "json"),
        "text": ("report",),
        "html": ("report", "--format", "html"),
        "log.csv": ("audit", "export", "--format", "csv"),
        "jsonl": ("audit", "export"),
    }.items():
        file = tmp_path / f"out.{fmt}"
        assert run(settings, *words, "--out", str(file)).returncode in (0, 1)
        octets = file.read_bytes()

        assert octets.startswith(b"\xef\xbb\xbf") == ("csv" in fmt), fmt
        assert octets.count(b"\xef\xbb\xbf") == ("csv" in fmt), fmt
        octets.decode("utf-8")
        if words[0] == "report":
            assert exported(settings)[-1]["sha256"] == hashlib.sha256(octets).hexdigest()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))))
    assert {row["source"] for row in rows} == {SOURCE}
    assert "\ufeff" not in run(settings, "report", "--format", "csv").stdout


@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u3000", "\ufeff", " \u200b "], ids=range(6))
@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "\0", "＝", "＋", "－", "＠"], ids=range(12)
)
def test_no_cell_begins_like_a_formula(before: str, start: str) -> None:
    evil = f"{before}{start}cmd|' /C calc'!A0"

    safe = csv_safe(evil)
    assert safe[0] == "'"
    assert safe.replace("'", "") == evil.replace("'", "")  # only apostrophes are added
    assert csv_safe(f"{before}plain = {start.strip()}") == f"{before}plain = {start.strip()}"


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_full_disk_behind_stdout_is_named_in_one_line_and_what_was_done_is_not_denied(
    settings: Path, unbuffered: str
) -> None:
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        for words in (["status", "--json"], ["audit", "export"], ["--help"], ["submit", "erasure"]):
            done = subprocess.run(
                command(settings, *words), input=b"new@list.test", stdout=full, stderr=subprocess.PIPE, timeout=120,
                check=False, env=env,
            )  # fmt: skip
            assert done.returncode == 2
            (line,) = done.stderr.decode().splitlines()
            assert "standard output cannot be written (No space left on device); what the command had done" in line
    assert as_json(settings, "status")["queue"]["waiting"] == 1
    done = run(settings, "report", "--format", "csv", "--out", "/dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("/dev/full: cannot be written (No space left on device)")


def shell(settings: Path, words: str, more: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    line = f"{shlex.join(command(settings, *words.split()))} {more}"
    return subprocess.run(["bash", "-c", line], input=stdin, capture_output=True, timeout=120, check=False)


@pytest.mark.slow
def test_a_closed_stream_ends_a_command_before_it_does_anything_or_not_at_all(settings: Path) -> None:
    no_output = shell(settings, "submit erasure", ">&-", b"new@list.test")
    assert (no_output.returncode, no_output.stderr.count(b"\n")) == (2, 1)
    assert b"standard output is closed" in no_output.stderr
    assert as_json(settings, "status")["queue"]["waiting"] == 0

    no_input = shell(settings, "submit erasure", "<&-")
    assert (no_input.returncode, no_input.stderr.count(b"\n")) == (2, 1)
    assert b"standard input is closed" in no_input.stderr

    no_remarks = shell(settings, "submit erasure", "2>&-", b"broken")
    assert (no_remarks.returncode, no_remarks.stdout.count(b"\n")) == (0, 1)


@pytest.mark.slow
def test_a_reader_that_went_away_is_no_sign_that_something_needs_attention(settings: Path) -> None:
    done = shell(settings, "audit export", "| head -c 1 >/dev/null; exit ${PIPESTATUS[0]}")

    assert (done.returncode, done.stderr) == (0, b"")
