"""All screens."""

from __future__ import annotations

from syncer.console.views import static_files
from syncer.console.views.account import enrol, me, oidc, passkeys, proxy, sign_in, users, wordpress
from syncer.console.views.decide import decisions, exempt, extend, guard, lanes, refused, resync, submit, withdraw
from syncer.console.views.look import help as words_page
from syncer.console.views.look import overview, people, recipients, register, request, returned
from syncer.console.views.proof import alerts, audit, dossier, reports

ACCOUNT = (sign_in.views, enrol.views, me.views, users.views, wordpress.views, oidc.views, passkeys.views, proxy.views)
LOOK = (
    overview.views,
    register.views,
    people.views,
    request.views,
    recipients.views,
    returned.views,
    words_page.views,
)
DECIDE = (
    resync.views,
    exempt.views,
    extend.views,
    withdraw.views,
    lanes.views,
    guard.views,
    refused.views,
    decisions.views,
    submit.views,
)
PROOF = (audit.views, reports.views, dossier.views, dossier.proof_views, alerts.views)
ALL = (static_files.views, *ACCOUNT, *LOOK, *DECIDE, *PROOF)
