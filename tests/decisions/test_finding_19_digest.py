"""A digest that a person looked at stands for the persons in the file, not only for the events."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from adapters.sandbox import MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

ALICE, BOB = "alice@lovelace.test", "bob@hopper.test"


def test_finding_19_a_digest_does_not_carry_out_another_file(
    settings_file: Callable[..., Path], mailchimp: MailchimpSandbox
) -> None:
    settings = settings_file()
    run(settings, "init")
    for person in (ALICE, BOB):
        mailchimp.add(person, AUDIENCES[0])
    run(settings, "submit", "erasure", stdin="nobody can read this")
    run(settings, "drain")
    (held,) = as_json(settings, "events")

    def resync(person: str, *words: str) -> tuple[int, str]:
        file = settings.parent / "again.txt"
        file.write_text(f"{held['id']} {person}\n", encoding="utf-8")
        done = run(settings, "resync", "--file", str(file), "--reason", "asked the person", *words)
        return done.returncode, done.stdout + done.stderr

    code, shown = resync(ALICE)
    assert code == 0
    (digest,) = re.findall("digest ([0-9a-f]{64})", shown)

    code, shown = resync(BOB, "--apply", digest)
    assert code == 2
    assert "the plan has changed since that digest" in shown
    assert mailchimp.member(BOB, AUDIENCES[0]) is not None

    assert resync(ALICE, "--apply", digest)[0] == 0
    run(settings, "drain")
    assert mailchimp.member(ALICE, AUDIENCES[0]) is None
    assert mailchimp.member(BOB, AUDIENCES[0]) is not None
