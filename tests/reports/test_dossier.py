"""One person's page: plain, true, harmless, without the address, and proven to a stranger."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import registry
from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.audit.offline.inclusion import verify_proof
from syncer.cli.dossier import look_up
from syncer.domain.codes import CODES
from syncer.domain.model import State
from syncer.reports.as_json import as_json
from syncer.reports.dossier import KEY_ENTRIES, DossierFacts, needs_attention
from syncer.reports.evidence import Exemption
from syncer.reports.html.dossier_texts import AT_REST, BY_HAND, FAULT, NOT_ASKED, NOT_SEEN, TRIED_AGAIN, WHY
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.page import dossier_html
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support import eventful
from tests.support.browser import Tab, chromium, sound
from tests.support.html import Parsed
from tests.support.paths import VERIFIER
from tests.support.processes import inside, run
from tests.support.servers import ENGINES
from tests.support.views import changed, from_json
from tests.support.walk import put

COULD_NOT = "We could not look into it, or could not remove you from it."
#: what the person should not have to read before the small print
JARGON = (
    "syncer", "HTTP", "API", "GET ", "audit", "delivery", "lane", "hash", "token", "purge", "suppress", "tombstone",
    "endpoint", "database", "confirmed", "retry", "404", "Admin", "payload", "subject", "erasure", "resync", "exempt",
)  # fmt: skip


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Clock, list[str]]]:
    """An installation in which everything happened; dossiers only add look-ups to it."""
    with eventful.installation(tmp_path_factory.mktemp("dossiers")) as found:
        yield found


@pytest.fixture(scope="module")
def dossiers(installation: tuple[App, Clock, list[str]]) -> list[DossierFacts]:
    """The dossier of each person, in the order in which they came."""
    app = installation[0]
    return [of_event(app, event.id) for event in app.reader.events()]


def of_event(app: App, prefix: str) -> DossierFacts:
    return look_up(app, app.dossiers.of_event(prefix))


def of_person(app: App, ref: str) -> DossierFacts:
    return look_up(app, app.dossiers.of_person(ref))


def words(found: DossierFacts) -> str:
    """What a person reads of a dossier."""
    source = re.sub("(?=<small|</d[td]>|</p>|</t[dh]>|<br>)", " ", "".join(dossier_html(found)))
    return " ".join(Parsed(source).text.split())


def one(dossiers: list[DossierFacts], key: str) -> DossierFacts:
    """The dossier that begins with the event of this key."""
    return next(d for d in dossiers if d.events[0].event_key == key)


# -- what it says -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_says_who_was_told_what_they_did_and_how_it_was_checked(dossiers: list[DossierFacts]) -> None:
    text = words(one(dossiers, "form 0"))

    assert "Your request has been carried out." in text
    assert "You asked us to erase your personal data (Art. 17 GDPR)" in text
    assert "We received this 15 September 2026, 11:30" in text
    assert "Answer due by 15 October 2026" in text
    assert "Mailchimp our account “newsletter”" in text
    assert "ActiveCampaign our account “crm”" in text
    assert text.count("On 15 September 2026, 11:37: to erase your data for good.") == 2
    assert text.count("Your data was erased on 15 September 2026, 11:37.") == 2
    assert "On 15 September 2026, 11:37 we looked again in two places: we no longer found your data." in text
    assert "Still so on 16 September 2026 and 24 September 2026." in text


@pytest.mark.slow
def test_it_says_what_remains_on_purpose_and_for_how_long(dossiers: list[DossierFacts]) -> None:
    text = words(one(dossiers, "form 0"))

    assert "At Mailchimp: Where your data was erased from a mailing list, Mailchimp refuses" in text
    assert (
        "keeps an archive of erased contacts for 360 days. You were removed from that archive too, as its own" in text
    )
    assert "We destroyed the address that we had kept for this work on 24 September 2026." in text
    assert "we keep a record of it for 36 months" in text
    assert "complain to a data protection authority" in text


def test_where_nothing_was_held_nothing_remains(dossiers: list[DossierFacts]) -> None:
    text = words(one(dossiers, "form 3"))

    assert text.count("It held nothing about you. There was nothing to change.") == 2
    assert "we searched in three places and found nothing about you." in text
    assert "At Mailchimp:" not in text
    assert "At ActiveCampaign:" not in text


def test_a_person_who_came_back_reads_that_and_what_was_done(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 1")
    text = words(found)

    assert "you were found there again on 16 September 2026, 11:37: something had added you once more." in text
    assert "Your data was erased again on 16 September 2026, 11:37." in text
    assert "On 16 September 2026, 11:37 we looked again: we no longer found your data. Still so" in text
    assert "carried out everywhere, on 15 September 2026, 11:37, and last on 16 September 2026, 11:37." in text
    assert needs_attention(found) is False


def test_what_is_held_is_said_with_its_reason_in_words_for_the_person(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 7")
    text = words(found)

    assert "Your request has not been fully carried out yet." in text
    assert "1 of 2 recipients has finished; a person has to settle the rest." in text
    assert "It answered that it deleted an entry about you." in text
    assert (
        f"A copy may lie in its archive of deleted entries, which it keeps for 360 days. {COULD_NOT} {BY_HAND}" in text
    )
    assert "You were removed from that archive too" not in text
    assert "This is late: the time for an answer is over." in text
    assert needs_attention(found) is True


def test_an_extended_period_is_told_with_its_reason(dossiers: list[DossierFacts]) -> None:
    text = words(one(dossiers, "form 6"))

    assert "you were told on 24 October 2026. The reason given: “many systems to search by hand”." in text
    assert "Answer due by 24 January 2027" in text


def test_an_exception_is_told_with_ground_and_reason_which_cannot_act(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 5")
    source, text = "".join(dossier_html(found)), words(found)

    assert "closed with an exception, on 24 October 2026, 16:37" in text
    assert (
        "The ground given: the data is needed for legal claims (Art. 17(3)(e) GDPR). The reason given: “court" in text
    )
    assert "This was decided on 24 October 2026." in text
    assert "<script" not in source
    assert "&lt;/script&gt;&lt;b&gt;form" in source
    for harmful in ("\x1b", "\u202e", "\x00", "\r"):
        assert harmful not in source
    assert needs_attention(found) is False


def test_a_late_objection_says_so_and_that_it_goes_on(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 8")
    text = words(found)

    assert "Stop your marketing: your request of 24 October 2026" in text
    assert "This is late: the time for an answer is over." in text
    assert f"{WHY['unavailable']} {AT_REST}" in text  # its lane is paused
    working = changed(found, "recipients", "newsletter", working=True)
    assert f"{WHY['unavailable']} {TRIED_AGAIN}" in words(working)
    assert needs_attention(found) is True


def test_an_objection_past_its_hours_but_not_its_day_says_only_that(dossiers: list[DossierFacts]) -> None:
    found = changed(one(dossiers, "form 8"), "events", 0, due_on=date(2026, 11, 24))

    assert "This takes longer than the 48 hours that we aim for." in words(found)


def test_a_request_of_today_is_about_to_be_asked(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 10")
    text = words(found)

    assert "none of the 2 recipients has finished." in text
    assert text.count(NOT_ASKED) == 4  # beside each recipient, and below
    assert text.count(f"{NOT_ASKED} {AT_REST}") == 1
    assert "Until the last check, 7 days after all is closed, we keep your address encrypted" in text
    assert needs_attention(found) is False


def test_a_request_that_nobody_could_read_stands_alone(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 9")
    text = words(found)

    assert found.subject is None
    assert len(found.events) == 1
    assert text.partition("Small print")[0].count("We could not read the request as it reached us") == 2
    assert "Your code in our log" not in text
    assert "encrypted" not in text


def test_something_being_read_back_again_counts_as_done_meanwhile(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 0")
    before = words(found)
    found = changed(found, "events", 0, "deliveries", 0, state=State.APPLIED)

    after = words(found)

    assert after.partition("Small print")[0] == before.partition("Small print")[0]


def test_what_was_carried_out_after_its_day_is_called_late(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 0")
    assert "later than" not in words(found)

    found = changed(found, "events", 0, due_on=date(2026, 9, 14), late=True)

    assert "on 15 September 2026, 11:37; this was later than it was due." in words(found)
    assert "Your request has been carried out. This was later than it was due. Below" in words(found)


def test_an_objection_that_took_longer_than_its_hours_says_that_and_not_that_it_was_due(
    dossiers: list[DossierFacts],
) -> None:
    found = changed(one(dossiers, "form 4"), "events", 0, late=True)

    assert "; this was later than the 48 hours that we aim for." in words(found)
    assert "due." not in words(found)


def test_before_the_small_print_there_is_no_jargon(dossiers: list[DossierFacts]) -> None:
    for found in dossiers:
        plain = words(found).partition("Small print")[0]
        for reason in (eventful.HOSTILE_REASON, "many systems to search by hand"):
            plain = plain.replace(reason, "")
        assert [word for word in JARGON if word in plain] == []


def test_every_reason_has_a_sentence_for_the_person() -> None:
    assert set(WHY) <= set(CODES)
    for sentence in (*WHY.values(), FAULT, BY_HAND, TRIED_AGAIN, AT_REST, NOT_SEEN, NOT_ASKED):
        assert sentence.endswith(".")
        assert [word for word in JARGON if word in sentence] == []


@pytest.mark.parametrize("name", registry.names())
def test_every_adapter_says_its_name_and_what_each_action_leaves(name: str) -> None:
    adapter = registry.load(name)

    assert adapter.title
    assert set(adapter.remains) == adapter.actions
    for items in adapter.remains.values():
        assert items
        assert all(item.text.endswith(".") for item in items)


def test_two_accounts_at_one_provider_are_told_apart(dossiers: list[DossierFacts]) -> None:
    found = changed(one(dossiers, "form 0"), "recipients", "newsletter", title="ActiveCampaign")

    assert list(DossierView(found).left()) == [
        "ActiveCampaign (our account “newsletter”)",
        "ActiveCampaign (our account “crm”)",
    ]


@pytest.mark.slow
def test_what_an_objection_left_is_not_said_to_stay_once_a_later_erasure_removed_it(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    activecampaign.add(eventful.PLAIN)
    put(app, "objection", eventful.PLAIN, "first")
    drain(app)
    before = words(of_person(app, app.keyring.ref(eventful.PLAIN)))
    clock.advance(minutes=5)
    put(app, "erasure", eventful.PLAIN, "second")
    drain(app)
    clock.advance(days=2)
    drain(app)  # rechecks of both

    found = of_person(app, app.keyring.ref(eventful.PLAIN))

    for entry in ("Your entry stays in the mailing lists", "Your entry stays there, marked"):
        assert entry in before
        assert entry not in words(found)
        assert entry not in as_json(found)
    assert "Text and WhatsApp messages have refusals of their own there" in words(found)  # out of reach still


def test_what_an_objection_left_after_an_erasure_is_said_to_stay(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", eventful.PLAIN, "first")
    drain(app)
    clock.advance(minutes=5)
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    put(app, "objection", eventful.PLAIN, "second")
    drain(app)

    assert "Your entry stays in the mailing lists" in words(of_person(app, app.keyring.ref(eventful.PLAIN)))


def test_an_exclusion_is_still_said_to_stay_after_an_erasure_which_does_not_remove_it(
    make_app: Callable[..., App], clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    app = make_app(objection="suppress")
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    activecampaign.add(eventful.PLAIN)
    activecampaign.add_exclusion(eventful.PLAIN)
    put(app, "objection", eventful.PLAIN, "first")
    drain(app)
    clock.advance(minutes=5)
    put(app, "erasure", eventful.PLAIN, "second")
    drain(app)

    text = words(of_person(app, app.keyring.ref(eventful.PLAIN)))

    assert "An entry with your address stays in each mailing list" not in text
    assert "Your entry, where there is one, stays there" not in text
    assert "Your address stays on a list of those who are never written to" in text
    assert [row["matchPhrase"] for row in activecampaign.exclusions()] == [eventful.PLAIN]


# -- who is in it -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_several_requests_of_one_person_are_on_one_page_and_nobody_else_is(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    # taken in another order than they were received
    put(app, "erasure", eventful.PLAIN, "second", received_at=clock.now - timedelta(hours=1))
    put(app, "objection", "Ada@Lovelace.test", "first", received_at=clock.now - timedelta(days=1))
    put(app, "erasure", eventful.BACK, "other")
    drain(app)

    found = of_person(app, app.keyring.ref(eventful.PLAIN))

    assert [event.event_key for event in found.events] == ["first", "second"]
    assert of_event(app, found.events[1].id).events == found.events
    text = words(found)
    assert "What became of your requests at our mailing services" in text
    assert "Both your requests have been carried out." in text
    assert text.index("Stop your marketing: your request") < text.index("Erase my data: your request")
    (other,) = app.reader.events(subject=app.keyring.ref(eventful.BACK))
    assert other.subject
    assert other.id not in as_json(found)
    assert other.subject not in as_json(found)


def test_the_address_is_nowhere_in_any_form(
    dossiers: list[DossierFacts], installation: tuple[App, Clock, list[str]]
) -> None:
    md5 = hashlib.md5(eventful.PLAIN.encode()).hexdigest()
    for found in dossiers:
        for text in ("".join(dossier_html(found)), as_json(found)):
            assert "@" not in re.sub("@media|@page|@bottom-right", "", text)
            for secret in ("lovelace", md5, *installation[2]):
                assert secret not in text


def test_an_address_that_a_person_wrote_into_a_reason_is_masked(dossiers: list[DossierFacts]) -> None:
    found = one(dossiers, "form 5")
    said = found.events[0].deliveries[1].evidence.said
    (at,) = [number for number, item in enumerate(said) if isinstance(item, Exemption)]
    path = ("events", 0, "deliveries", 1, "evidence", "said", at)

    source = "".join(dossier_html(changed(found, *path, reason="ask ada@lovelace.test")))

    assert "ask [address]" in source
    assert "lovelace" not in source


# -- the files ----------------------------------------------------------------------------------------------


def test_the_page_is_whole_and_its_policy_allows_its_style_and_nothing_else(dossiers: list[DossierFacts]) -> None:
    for found in dossiers:
        page = Parsed("".join(dossier_html(found)))
        (policy,) = [str(m["content"]) for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]

        assert page.open == []
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert len(page.all("h1")) == 1
        assert not {"script", "img", "link", "iframe", "object", "base", "form", "a"} & {tag for tag, _ in page.tags}
        for _, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on") or name in ("style", "src")]
        ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
        assert len(ids) == len(set(ids))


def test_the_json_holds_everything_that_the_page_is_made_from(dossiers: list[DossierFacts]) -> None:
    for found in dossiers:
        again = from_json(DossierFacts, json.loads(as_json(found)))
        assert "".join(dossier_html(again)) == "".join(dossier_html(found))


# -- proofs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_every_entry_that_tells_the_story_is_proven(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    put(app, "erasure", eventful.PLAIN, "one")
    drain(app)

    found = of_person(app, app.keyring.ref(eventful.PLAIN))

    (event,) = found.events
    told = [entry.seq for entry in event.audit if entry.what in KEY_ENTRIES]
    assert len(told) == 4
    assert [verify_proof(as_json(proof), found.log.keys).seq for proof in found.proofs] == told
    assert found.log.verified is True
    assert found.log.signed
    assert {proof.size for proof in found.proofs} == {found.log.signed.size}
    assert [entry.seq for entry in DossierView(found).proven(event)] == told


@pytest.mark.slow
def test_what_the_daemon_writes_meanwhile_neither_stops_the_page_nor_stands_on_it(app: App, clock: Clock) -> None:
    put(app, "erasure", eventful.PLAIN, "k1")
    drain(app)
    history = app.dossiers.history(app.dossiers.of_person(app.keyring.ref(eventful.PLAIN)))
    app.checkpoints.make("dossier")
    clock.advance(days=2)
    drain(app)  # the recheck confirms again

    facts = app.dossiers.facts(history)

    (event,) = facts.events
    assert [proof.seq for proof in facts.proofs] == [entry.seq for entry in event.audit if entry.what in KEY_ENTRIES]
    assert len(app.reader.show(event.id).audit) > len(event.audit)


def test_a_checkpoint_is_made_only_where_none_covers_the_entries(app: App) -> None:
    put(app, "erasure", eventful.PLAIN, "one")
    prepare(app)
    ref = app.keyring.ref(eventful.PLAIN)
    assert app.checkpoints.all() == []

    first = of_person(app, ref)
    again = of_person(app, ref)

    assert len(app.checkpoints.all()) == 1
    assert first.log.signed == again.log.signed
    assert list(app.notes_folder.glob("*.note"))  # it went to the anchors as every other


def test_an_altered_entry_is_said_and_needs_attention(app: App) -> None:
    put(app, "erasure", eventful.PLAIN, "one")
    drain(app)
    app.notary.make()
    with app.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER syncer_audit_no_update")
        connection.exec_driver_sql(
            "UPDATE syncer_audit SET body = replace(body, 'absent', 'done') WHERE what = 'delivery:confirmed'"
        )

    found = of_person(app, app.keyring.ref(eventful.PLAIN))

    assert found.log.verified is False
    assert "A proof does NOT hold: the body is not that of entry" in words(found)
    assert needs_attention(found) is True


def test_after_the_purge_the_page_still_stands_and_says_what_is_gone(app: App, clock: Clock) -> None:
    clock.advance(days=-42 * 31)  # the triggers ask the server's clock, so the entries are truly old
    put(app, "erasure", eventful.PLAIN, "old")
    drain(app)
    clock.advance(days=10)
    for _ in range(3):
        drain(app)
    clock.advance(days=40 * 31)
    app.purge.carry_out()

    found = of_person(app, app.keyring.ref(eventful.PLAIN))

    (event,) = found.events
    assert [entry.facts for entry in event.audit if entry.facts is not None] == []
    assert event.audit[0].what == "event:received"
    assert found.log.verified is True
    assert len(found.proofs) >= 4
    assert "we no longer keep the details of it" in words(found)


# -- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def settings(settings_file: Callable[..., Path], mailchimp: MailchimpSandbox) -> Path:
    """An installation that carried out one person's erasure."""
    path = settings_file()
    assert inside(path, "init").returncode == 0
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    assert inside(path, "submit", "erasure", stdin=eventful.PLAIN).returncode == 0
    assert inside(path, "drain").returncode == 0
    return path


def entries(settings: Path, what: str) -> list[dict[str, Any]]:
    rows = map(json.loads, inside(settings, "audit", "export").stdout.splitlines())
    return [json.loads(row["body"]) for row in rows if row["what"] == what]


def exports(settings: Path) -> list[dict[str, Any]]:
    return [entry for entry in entries(settings, "report:exported") if entry["facts"]["kind"] == "dossier"]


@pytest.mark.slow
def test_the_real_command_writes_the_page_audits_itself_and_shows_the_address_nowhere(
    settings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.html"

    done = run(settings, "--debug", "dossier", "--out", str(out), stdin=eventful.PLAIN)

    assert (done.returncode, done.stdout) == (0, "")
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert digest in done.stderr
    assert "Your request has been carried out." in out.read_text(encoding="utf-8")
    (looked_up,) = entries(settings, "operator:looked_up")
    assert looked_up["subject"].startswith("p1:")
    assert looked_up["facts"] == {"events": 1}
    (exported,) = [entry["facts"] for entry in exports(settings)]
    assert exported == {"kind": "dossier", "format": "html", "rows": 1, "sha256": digest}
    for text in (done.stderr, out.read_text(encoding="utf-8"), inside(settings, "audit", "export").stdout):
        assert "lovelace" not in text
        assert hashlib.md5(eventful.PLAIN.encode()).hexdigest() not in text
    assert inside(settings, "audit", "verify").returncode == 0


@pytest.mark.slow
def test_the_controller_stands_on_the_page_and_in_neither_audit_nor_log(settings: Path, tmp_path: Path) -> None:
    with settings.open("a", encoding="utf-8") as file:
        file.write('\n[controller]\nname = "Example Ltd"\ncontact = "privacy@example.org"\n')
    out = tmp_path / "page.html"

    done = run(settings, "--debug", "dossier", "--out", str(out), stdin=eventful.PLAIN)

    assert done.returncode == 0
    page = out.read_text(encoding="utf-8")
    assert "Example Ltd" in page
    assert "please write to us: privacy@example.org." in page
    assert inside(settings, "audit", "verify").returncode == 0
    for text in (done.stdout, done.stderr, inside(settings, "audit", "export").stdout):
        assert "Example Ltd" not in text
        assert "privacy@" not in text


@pytest.mark.slow
def test_an_auditor_checks_the_proofs_one_by_one_or_all_at_once(settings: Path, tmp_path: Path) -> None:
    whole, single = tmp_path / "dossier.json", tmp_path / "proof.json"
    assert inside(settings, "dossier", "--format", "json", "--out", str(whole), stdin=eventful.PLAIN).returncode == 0
    found = json.loads(whole.read_text(encoding="utf-8"))
    (key,) = found["log"]["keys"]
    single.write_text(json.dumps(found["proofs"][1]), encoding="utf-8")

    def script(file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(VERIFIER), "--key", key, str(file)], capture_output=True, encoding="utf-8", check=False
        )

    assert script(single).stdout.startswith(f"PROVEN: entry {found['proofs'][1]['seq']} stands among the first")
    assert script(whole).stdout.count("PROVEN: entry") == len(found["proofs"])
    one_checked = inside(settings, "audit", "check-proof", str(single), "--key", key, "--json")
    assert json.loads(one_checked.stdout)["seq"] == found["proofs"][1]["seq"]
    all_checked = inside(settings, "audit", "check-proof", str(whole), "--key", key, "--json")
    assert [item["seq"] for item in json.loads(all_checked.stdout)["proofs"]] == [p["seq"] for p in found["proofs"]]

    for spoiled in (
        found | {"proofs": []},
        found | {"proofs": [*found["proofs"][:1], found["proofs"][1] | {"seq": 9}]},
    ):
        whole.write_text(json.dumps(spoiled), encoding="utf-8")
        assert script(whole).returncode == 1
        assert inside(settings, "audit", "check-proof", str(whole), "--key", key).returncode == 1


def test_the_first_characters_of_an_event_suffice_and_the_look_up_is_audited(settings: Path) -> None:
    (event,) = json.loads(inside(settings, "events", "--json").stdout)

    by_event = json.loads(inside(settings, "dossier", event["id"][:13], "--json").stdout)
    by_address = json.loads(inside(settings, "dossier", "--json", stdin=eventful.PLAIN).stdout)

    assert by_event["events"] == by_address["events"]
    assert [entry["event"] for entry in entries(settings, "operator:looked_up")] == [None, None]
    assert {entry["subject"] for entry in entries(settings, "operator:looked_up")} == {event["subject"]}


def test_nobody_found_is_said_audited_and_no_fault(settings: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"

    page = inside(settings, "dossier", "--out", str(out), stdin="nobody@absent.test")
    data = inside(settings, "dossier", "--json", stdin="nobody@absent.test")

    assert (page.returncode, page.stdout) == (1, "")
    assert "no event for this address" in page.stderr
    assert not out.exists()
    assert data.returncode == 1
    assert json.loads(data.stdout)["events"] == []
    assert [entry["facts"] for entry in entries(settings, "operator:looked_up")] == [{"events": 0}] * 2
    assert [entry["facts"]["format"] for entry in exports(settings)] == ["json"]


@pytest.mark.slow
def test_what_needs_attention_is_in_the_exit_code(settings: Path, activecampaign: ActiveCampaignSandbox) -> None:
    activecampaign.admin = False
    activecampaign.add(eventful.BACK)
    inside(settings, "submit", "erasure", stdin=eventful.BACK)
    inside(settings, "drain")

    held = inside(settings, "dossier", stdin=eventful.BACK)

    assert held.returncode == 1
    assert "What is still open" in held.stdout
    assert inside(settings, "dossier", stdin=eventful.PLAIN).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("--json", "--format", "html"), eventful.PLAIN, "give one of them"),
        ((), f"{eventful.PLAIN}\n{eventful.BACK}", "dossier takes one address, 2 were given"),
        ((), "", "no address was given"),
        ((), "no address", "the address cannot be used"),
        (("0123456789",), "", "there is no event 0123456789"),
        (("abc",), "", "at least 6"),
        ((eventful.PLAIN,), "", "does not belong on the command line"),
        (("--out", "/nowhere/at/all.html"), eventful.PLAIN, "choose another --out"),
    ],
    ids=["two-formats", "two-addresses", "none", "unusable", "unknown-event", "short", "in-argv", "out"],
)
def test_a_mistake_of_the_caller_is_one_line_and_two(
    settings: Path, arguments: tuple[str, ...], stdin: str, said: str
) -> None:
    done = inside(settings, "dossier", *arguments, stdin=stdin)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "lovelace" not in done.stderr


# -- a real browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
@pytest.mark.parametrize("key", ["form 1", "form 5", "form 8"])
def test_axe_finds_nothing_and_nothing_overflows(
    tab: Tab, dossiers: list[DossierFacts], tmp_path: Path, key: str, width: int, dark: bool
) -> None:
    file = tmp_path / "page.html"
    file.write_text("".join(dossier_html(one(dossiers, key))), encoding="utf-8")
    sound(tab, file, width, dark=dark)


@pytest.mark.parametrize("key", ["form 0", "form 1", "form 5", "form 8"])
def test_one_request_prints_on_at_most_two_pages_with_everything_shown(
    tab: Tab, dossiers: list[DossierFacts], tmp_path: Path, key: str
) -> None:
    file, printed = tmp_path / "page.html", tmp_path / "page.pdf"
    file.write_text("".join(dossier_html(one(dossiers, key))), encoding="utf-8")
    tab.look(width=800, medium="print")
    tab.open(file)
    tab.pdf(printed)

    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 2
    assert tab.value("[...document.querySelectorAll('details li')].every(item => item.checkVisibility())") is True
