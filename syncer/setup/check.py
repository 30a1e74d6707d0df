"""`syncer check`: everything that must be right before the daemon starts; what is wrong comes with its remedy."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from adapters.contract import Check
from adapters.errors import AdapterError, Transient
from syncer.database import engines, sqlite_files
from syncer.database.failures import in_words, is_denied, is_outage
from syncer.domain.codes import remedy
from syncer.errors import SyncerError, UserError
from syncer.privacy.key_file import KeyState
from syncer.privacy.masking import visible
from syncer.reports.status import last_verification
from syncer.reports.trials import last_trials
from syncer.reports.views import TrialView
from syncer.reports.wording.words import day_time, verification
from syncer.settings.destinations import SHADOW
from syncer.setup import anchor_check, privilege_check, round_trip
from syncer.setup.alerting import channel_check
from syncer.setup.backup import standing
from syncer.setup.web import console_check, key_check

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.intake.wordpress.bridge import WordPress
    from syncer.settings.checked import Settings


def run(settings: Settings) -> list[Check]:
    """Try everything and return the findings; a failure does not keep the rest from being tried."""
    from syncer.app import open_app

    findings = [_settings(settings)]
    try:
        app = open_app(settings)
    except UserError as error:
        return [*findings, _failed("key file and database", error)]
    except sa.exc.SQLAlchemyError as error:
        return [*findings, Check("database", False, f"it cannot be used: {in_words(error)}", _reach("[database] url"))]
    with app:
        findings.append(_key_file(app))
        findings.append(Check("database", True, app.engine.url.render_as_string(hide_password=True)))
        findings += _files(app)
        findings.append(_queue(app))
        findings.append(_guard(settings))
        findings.append(_chain(app))
        findings.append(_last_verification(app))
        findings += standing.run(app)
        findings.append(_anchors(app))
        findings += anchor_check.run(settings.anchors)
        findings += channel_check.run(settings)
        findings += key_check.run(app)
        findings += console_check.run(app)
        findings += round_trip.run(app.engine, app.queue, app.tables)
        findings += privilege_check.run(app.engine, app.queue.engine, app.tables)
        if app.wordpress is not None:
            findings.append(_wordpress(app.wordpress))
        if not settings.destinations:
            findings.append(_no_destination(app))
        trials = last_trials(app.ledger)
        for name, destination in settings.destinations.items():
            found = _destination(app, name)
            findings += found
            if (on_trial := _shadow(app, name)) is not None:
                findings.append(on_trial)
            # a trial that nobody can make yet is no advice
            if destination.mode != SHADOW and (name in trials or all(finding.ok for finding in found)):
                findings.append(_trial(name, trials.get(name)))
    return findings


def run_as(settings: Settings, account: str) -> list[Check]:
    """Try what an account of `syncer db grants` must be refused; its URLs stand in the settings. Needs no key file."""
    from syncer.app import make_tables

    with ExitStack() as closing:
        engine = closing.enter_context(engines.opened(settings.database_login))
        apart = settings.queue_login
        queue = engine if apart is None else closing.enter_context(engines.opened(apart, shared=True))
        return privilege_check.run_as(account, engine, queue, make_tables(settings))


def _settings(settings: Settings) -> Check:
    parts = [text.rpartition("; ") for text in settings.warnings]
    detail = "; ".join([str(settings.path), *(what for what, _, _ in parts)])
    return Check("settings", True, detail, "; ".join(dict.fromkeys(mend for _, _, mend in parts)), warn=bool(parts))


def _files(app: App) -> list[Check]:
    """Return a finding for each SQLite file; its own mode is right since the connection was made."""
    findings = []
    for engine in dict.fromkeys((app.engine, app.queue.engine)):
        path = sqlite_files.file_of(engine.url)
        if path is not None and path.exists():
            what, _, mend = (sqlite_files.problem(path) or "").rpartition("; ")
            findings.append(Check("database file", True, what or f"{path} is closed to others", mend, warn=bool(what)))
    return findings


def _failed(name: str, error: SyncerError) -> Check:
    """Return the finding of an error whose text ends in its remedy, behind a semicolon or else a colon."""
    text = str(error)
    what, _, mend = text.rpartition("; ")
    if not what:
        what, _, mend = text.rpartition(": ")
    return Check(name, False, what or text, mend)


def _key_file(app: App) -> Check:
    path, versions = app.settings.identity.key_file, app.keyring.versions
    if any(version.state is KeyState.RETIRING for version in versions):
        return Check("key file", False, f"{path}: a rotation was not finished", "run `syncer key rotate`")
    return Check("key file", True, str(path))


def _no_destination(app: App) -> Check:
    mend = f"add a [destinations.NAME] table to {app.settings.path} for each recipient"
    return Check("destinations", False, "there is none: requests that come are held, and nobody is told of them", mend)


def _queue(app: App) -> Check:
    name = app.queue.table.name
    try:
        return Check("queue table", True, f"{name}, {app.queue.count()} waiting")
    except sa.exc.SQLAlchemyError as error:
        mend = "run `syncer init`"
        if isinstance(error, sa.exc.DBAPIError) and is_denied(error):
            mend = "run what `syncer db grants` prints, or `syncer wordpress grants` where WordPress' database holds it"
        elif is_outage(error):
            mend = _reach("[database] url" if app.queue.shared else "[queue] url")
        return Check("queue table", False, f"{name} cannot be read ({in_words(error)})", mend)


def _reach(key: str) -> str:
    return f"correct {key}, or start the server and let this account in"


def _wordpress(wordpress: WordPress) -> Check:
    mend = "run what `syncer wordpress grants` prints, with --site NUMBER for each site of a network"
    try:
        problems = wordpress.problems()
        loose = not problems and wordpress.is_loose()
    except sa.exc.SQLAlchemyError as error:
        detail = f"its database cannot be reached ({in_words(error)})"
        return Check("WordPress", False, detail, _reach("[wordpress] url"))
    if problems:
        return Check("WordPress", False, "; ".join(problems), mend)
    if loose:
        return Check("WordPress", True, "read from its own tables, not from two views that show less", mend, warn=True)
    return Check("WordPress", True, "its requests can be read, its status table written")


def _chain(app: App) -> Check:
    finding = app.verify_since(keep=False)
    if finding.stands:
        since = "" if finding.since_entry is None else f", those after {finding.since_entry} now"
        return Check("audit chain", True, f"{finding.entries} entries verified{since}")
    mend = "stop the daemon, keep the database as it is and compare it with a backup"
    return Check("audit chain", False, finding.reason or "", mend)


def _guard(settings: Settings) -> Check:
    rule = settings.guard
    if not rule.enabled:
        remedy = "remove `enabled = false` under [guard]: a bug in a web site could erase a whole list"
        return Check("guard", True, "off: any number of deletions may begin", remedy, warn=True)
    share = f"{rule.share_percent:g} % of the contacts, {rule.deletions_per_day} at most"
    return Check("guard", True, f"stops deletions beyond {share}, within 24 hours; {rule.always_allowed} always pass")


def _last_verification(app: App) -> Check:
    last = last_verification(app.verified)
    if last.problem is None:
        return Check("last full verification", True, verification(last))
    what, _, mend = last.problem.rpartition("; ")
    if last.level == "late":  # nothing is known to be wrong, and a start mends it
        return Check("last full verification", True, what, mend, warn=True)
    return Check("last full verification", False, what, mend)


def _anchors(app: App) -> Check:
    problem = app.rollback.problem()
    if problem:
        what, _, mend = problem.partition("; ")
        return Check("checkpoints", False, what, mend)
    anchors = app.notary.standing().anchors
    failing = [f"{anchor.name}: {anchor.error}" for anchor in anchors if anchor.error]
    if failing:
        mend = "mend the place, or correct [anchors.NAME] in settings.toml; syncer tries again by itself"
        return Check("checkpoints", False, "; ".join(failing), mend)
    names = ", ".join(anchor.name for anchor in anchors)
    if len(anchors) == 1:
        # it works, but whoever has this machine has the only copy of the proof
        mend = "add an [anchors.NAME] table to settings.toml, for a place in other hands"
        return Check("checkpoints", True, f"kept on this machine only ({names})", mend, warn=True)
    return Check("checkpoints", True, f"go to {names}")


def _shadow(app: App, name: str) -> Check | None:
    """Return a finding for a destination on trial, by the settings or because somebody started with --shadow."""
    lane, wanted = app.leases.get(name), app.settings.destinations[name].mode == SHADOW
    since = lane.shadow_since if lane else None
    if not wanted and since is None:
        return None
    what = f"on trial{f' since {day_time(since)}' if since else ''}: it is read, and nothing is carried out"
    mend = f'to go live, set mode = "live" in [destinations.{name}] and reload or restart syncer'
    if not wanted:
        mend = "the settings say live: restart what was started with --shadow (a reload keeps it), or drain, without it"
    return Check(f"{name}: shadow mode", True, what, mend, warn=True)


def _trial(name: str, tried: TrialView | None) -> Check:
    again = f"run `syncer check --try {name} --domain DOMAIN`"
    if tried is None:  # nothing is known to be wrong
        return Check(f"{name}: trial", True, "nobody has tried yet what this account does", again, warn=True)
    what = f"tried {day_time(tried.at)} with an invented contact: {'; '.join(tried.findings) or 'all as documented'}"
    return Check(f"{name}: trial", tried.ok, what, "" if tried.ok else f"mend what it found, then {again} again")


def _destination(app: App, name: str) -> list[Check]:
    try:
        app.settings.destinations[name].secret()
    except SyncerError as error:
        return [_failed(f"{name}: key", error)]
    try:
        adapter = app.adapter(name)
    except SyncerError as error:
        return [_failed(f"{name}: settings", error)]
    try:
        return [
            replace(finding, name=f"{name}: {finding.name}", detail=visible(finding.detail))
            for finding in adapter.check(app.keyring.label)
        ]
    except AdapterError as error:
        mend = remedy(error.code)
        if isinstance(error, Transient):  # its remedy speaks of a delivery, which is repeated by itself
            mend = "run `syncer check` again; if it fails again, correct base_url or mend the network"
        return [Check(f"{name}: provider", False, str(error), mend)]
    finally:
        adapter.close()
