"""`syncer check`: everything that must be right before the daemon starts, each finding with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from adapters.contract import Check
from adapters.errors import AdapterError
from syncer.errors import SyncerError, UserError
from syncer.setup import privilege_check

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.intake.wordpress.bridge import WordPress
    from syncer.settings.checked import Settings


def run(settings: Settings) -> list[Check]:
    """Try everything and return the findings; stops at nothing."""
    from syncer.app import open_app

    found = [Check("settings", True, str(settings.path))]
    try:
        app = open_app(settings)
    except UserError as error:
        what, _, rest = str(error).rpartition("; ")
        return [*found, Check("key file and database", False, what or rest, rest or "run `syncer init`")]
    except sa.exc.SQLAlchemyError as error:
        detail = f"the database cannot be reached ({type(error).__name__})"
        return [*found, Check("database", False, detail, "check [database] url and that the server runs")]
    try:
        found.append(Check("key file", True, str(settings.identity.key_file)))
        found.append(Check("database", True, app.engine.url.render_as_string(hide_password=True)))
        found.append(_queue(app))
        found.append(_chain(app))
        found.append(_anchors(app))
        found += privilege_check.run(app.engine, app.queue.engine, app.tables)
        if app.wordpress is not None:
            found.append(_wordpress(app.wordpress))
        for name in settings.destinations:
            found += _destination(app, name)
    finally:
        app.close()
    return found


def _queue(app: App) -> Check:
    try:
        return Check("queue table", True, f"{app.queue.table.name}, {app.queue.count()} waiting")
    except sa.exc.SQLAlchemyError:
        return Check("queue table", False, f"{app.queue.table.name} cannot be read", "run `syncer init`")


def _wordpress(wordpress: WordPress) -> Check:
    try:
        problems = wordpress.problems()
    except sa.exc.SQLAlchemyError as error:
        detail = f"its database cannot be reached ({type(error).__name__})"
        return Check("WordPress", False, detail, "check [wordpress] url and that the server runs")
    if problems:
        return Check("WordPress", False, "; ".join(problems), "run what `syncer wordpress grants` prints")
    return Check("WordPress", True, "its requests can be read, its status table written")


def _chain(app: App) -> Check:
    verdict = app.ledger.verify()
    if verdict.ok:
        return Check("audit chain", True, f"{verdict.entries} entries verified")
    return Check("audit chain", False, verdict.reason or "", "stop the daemon and keep the database as it is")


def _anchors(app: App) -> Check:
    problem = app.rollback.problem()
    if problem:
        what, _, remedy = problem.partition("; ")
        return Check("checkpoints", False, what, remedy)
    standing = app.notary.standing()
    failing = [f"{item.name}: {item.error}" for item in standing.anchors if item.error]
    if failing:
        return Check("checkpoints", False, "; ".join(failing), "see [anchors] in settings.toml; it is tried again")
    names = ", ".join(item.name for item in standing.anchors)
    if len(standing.anchors) == 1:
        # a warning, not a failure: it works, but who has this machine has the only copy of the proof
        return Check("checkpoints", True, f"warning: kept on this machine only ({names}); add an [anchors.NAME] table")
    return Check("checkpoints", True, f"go to {names}")


def _destination(app: App, name: str) -> list[Check]:
    try:
        adapter = app.adapter(name)
    except SyncerError as error:
        what, _, remedy = str(error).rpartition("; ")
        return [Check(f"{name}: key", False, what or remedy, remedy)]
    try:
        return [Check(f"{name}: {item.name}", item.ok, item.detail, item.remedy) for item in adapter.check()]
    except AdapterError as error:
        return [Check(f"{name}: provider", False, str(error), "try again; see the code in the README")]
    finally:
        adapter.close()
