"""Seals the secrets of authenticator apps with the present key: with a retired one they sign nobody in."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.app import App
from syncer.database.failures import retry_on_conflict
from syncer.privacy import app_secrets


@retry_on_conflict
def seal_apps_anew(app: App) -> tuple[str, ...]:
    """Seal all that a key sealed that is being replaced; return the names of those who must enrol again.

    What no key in use opens stays as it is: a key that was retired before sealed it, or somebody wrote to the database.
    """
    user, left = app.tables.user, []
    with app.transactions.write() as tx:
        query = sa.select(user.c.name, user.c.totp_sealed).where(user.c.totp_sealed.is_not(None))
        for name, sealed in tx.connection.execute(query.order_by(user.c.name).with_for_update()).all():
            if app_secrets.is_present(app.keyring, sealed):
                continue
            secret = app_secrets.opened(app.keyring, sealed, name)
            if secret is None:
                left.append(str(name))
                continue
            anew = app_secrets.seal(app.keyring, secret, name)
            tx.connection.execute(user.update().where(user.c.name == name).values(totp_sealed=anew))
    return tuple(left)
