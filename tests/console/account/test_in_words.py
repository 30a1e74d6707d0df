"""What happened to accounts, as the log is read by people."""

from __future__ import annotations

import pytest

from syncer.audit.chain import WHATS
from syncer.audit.ledger import LogEntry, Stamp
from syncer.reports.wording.words import WORDS, sentence, who


def entry(what: str, **facts: object) -> LogEntry:
    return LogEntry(1, Stamp("2026-11-30T12:00:00.000000Z"), what, None, None, {"kind": "console"}, facts)


@pytest.mark.parametrize("what", sorted(each for each in WHATS if each.startswith(("console:", "user:"))))
def test_every_entry_about_accounts_is_a_sentence(what: str) -> None:
    facts = {"user": "anna", "roles": "ops", "changed": "the password", "page": "users.users", "why": "too many tries"}

    said = sentence(entry(what, **facts))

    assert what in WORDS and said != what
    assert "?" not in said and "{" not in said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"why": "too many tries"}, "somebody was not let into the console: too many tries"),
        ({"why": "the code", "user": "anna"}, "somebody was not let into the console as anna: the code"),
    ],
)
def test_a_refusal_names_an_account_only_where_there_is_one(facts: dict[str, str], said: str) -> None:
    assert sentence(entry("console:refused", **facts)) == said


def test_who_acted_in_the_console_is_named_with_way_and_network() -> None:
    actor = {"kind": "console", "user": "anna", "via": "password", "from": "203.0.113.0/24"}

    assert who(actor) == "anna (in the console, by password, from 203.0.113.0/24)"
