"""What happened to accounts, as the log is read by people."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncer
from syncer.audit.chain import WHATS
from syncer.audit.ledger import LogEntry, Stamp
from syncer.language.texts import speaking
from syncer.reports.wording.kept import why
from syncer.reports.wording.words import WORDS, sentence, who

#: what is raised or called with why somebody is not let in -> what the audit says before that
NOT_LET_IN = {
    "UnbelievedPasskey": "", "BadProxyHeader": "", "_refused": "", "not_vouched": "",
    "BadTicket": "a ticket of WordPress: ",
    "BadToken": "the identity provider's word: ", "UnknownKey": "the identity provider's word: ",
}  # fmt: skip
#: the same that stands elsewhere in the code, and what is changed of an account
OTHERS = (
    "the account's row is damaged", "the account is disabled", "roles from ops to none",
    "the counter of a passkey went back: there may be two of it", "a passkey was added", "a passkey was removed",
    "the password", "the authenticator app", "a password was added", "a password and an app were added",
)  # fmt: skip


def reasons() -> Iterator[str]:
    """Every reason that the console and the identity provider's door write into the audit, as their code has it."""
    root = Path(syncer.__file__).parent
    for file in sorted([*(root / "console").rglob("*.py"), *(root / "oidc").rglob("*.py")]):
        tree = ast.parse(file.read_text("utf-8"))
        known = {
            each.targets[0].id: each.value
            for each in tree.body
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
        }
        for call in [each for each in ast.walk(tree) if isinstance(each, ast.Call)]:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            for given in call.args if name in NOT_LET_IN else ():
                for part in ast.walk(known.get(given.id, given) if isinstance(given, ast.Name) else given):
                    text = part.value if isinstance(part, ast.Constant) else None
                    if isinstance(text, str) and " " in text and not text.endswith(": "):
                        yield NOT_LET_IN[name] + text


@pytest.mark.parametrize("language", ["de", "fr"])
def test_no_reason_stays_in_english_in_the_audit_of_whoever_reads_another_language(language: str) -> None:
    said = sorted({*OTHERS, *reasons()})
    assert len(said) > 50, "the code is not read any more"

    with speaking(language):
        english = [each for each in said if each.rpartition(": ")[2] in why(each)]

    assert english == []


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
