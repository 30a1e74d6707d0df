"""`syncer key rotate`: another key for pseudonyms, seals, chain and signature; it can be killed and repeated anywhere.

1. The key file gets the new key, at once or not at all; the old one is retiring. The log still goes on with the old.
2. One transaction: the log's last entry under the old key says which key follows, the old key signs up to it, and the
   next entry is the first under the new key, which signs too. From then on a process with the old key writes nothing.
3. Every address is sealed anew, in pieces, and the secret of every authenticator app.
4. The key file calls the old key retired: it finds people by their old pseudonyms, and opens nothing to act on, nor
   is anything sealed anew that it sealed.

Whatever was done already is left alone, so that what a kill interrupted is finished by doing it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from syncer.app import App, open_app
from syncer.audit.anchors.folder import Folder
from syncer.audit.proof.checkpoints import Sealed
from syncer.errors import UserError
from syncer.privacy import key_file
from syncer.privacy.key_file import KeyState
from syncer.privacy.key_version import KeyVersion
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import Settings
from syncer.setup.apps_anew import seal_apps_anew


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """What a rotation will do, one line for each step; `begun` says that it finishes one that was interrupted."""

    begun: bool
    steps: tuple[str, ...]


def plan(settings: Settings) -> RotationPlan:
    """Return what `carry_out` will do. Changes nothing. Raises UserError."""
    path = settings.identity.key_file
    with open_app(settings, retired=True) as app:
        file = Keyring.load(path)
        begun, pending = _begun(file), app.keyring.check_value != file.check_value
        steps = [] if begun or pending else [f"{path}: a new key is added; {file.key_id} is kept to look people up"]
        if not begun or pending:
            old = app.keyring.key_id
            steps.append(f"the log goes on with the new key; what {old} signs from then on is a forgery")
        steps.append(f"{_sealed(app)} addresses are sealed anew, and the secrets of people's authenticator apps")
        steps.append(f"{path}: the old key is retired; copy the file to every other host, then start the daemons again")
    return RotationPlan(begun or pending, tuple(steps))


def carry_out(settings: Settings, reason: str) -> Iterator[str]:
    """Rotate the key, or finish a rotation that was interrupted; yield a line once a step is done.

    Raises UserError; what was done by then stands, and another call goes on there.
    """
    path = settings.identity.key_file
    with open_app(settings, retired=True) as before:
        file = Keyring.load(path)
        if before.keyring.check_value == file.check_value and not _begun(file):
            _require_intact(before)
            yield _add(path)
        file = Keyring.load(path)
        if before.keyring.check_value != file.check_value:
            yield from _hand_over(before, settings, reason)
    with open_app(settings) as after:
        left = after.resealing.run()
        yield "every address is sealed with the new key" if not left else _left(left)
        yield from _seal_apps(after)
        _retire(path)
        yield f"{path}: the old key is retired; back the file up, copy it to every other host, start the daemons again"
        if settings.console is not None:
            yield "the console's key file is made anew with `syncer console key --out FILE`; then start the console"
        after.notary.publish(now=True)
        after.verified.record(after.verify())
        yield f"new public key of the log, for whoever keeps its notes: {after.origins.public_keys()[-1]}"


def _begun(file: Keyring) -> bool:
    return any(version.state is KeyState.RETIRING for version in file.versions)


def _sealed(app: App) -> int:
    """Return how many addresses are kept: all of them are sealed with the key that goes."""
    return app.resealing.kept()


def _require_intact(app: App) -> None:
    """Raise UserError unless all is whole: a rotation puts what is there beyond the reach of the old key."""
    app.rollback.require_not_behind(anew=True)
    finding = app.verify()
    if not finding.stands:
        raise UserError(
            f"key rotate: the log is not intact ({finding.reason}); nothing was changed: keep this database as"
            " evidence, put back one that is whole, then rotate"
        )


def _add(path: Path) -> str:
    *earlier, current = key_file.read(path)
    key_file.replace(path, [*earlier, replace(current, state=KeyState.RETIRING), key_file.new_line()])
    return f"{path}: a new key was added"


def _use(path: Path, check_value: str) -> None:
    """Let a retired key be replaced once more, where a database was put back to before its rotation.

    Only while it is being replaced is anything sealed anew that it sealed.
    """
    lines = key_file.read(path)
    retiring = [
        replace(line, state=KeyState.RETIRING) if KeyVersion(line).check_value == check_value else line
        for line in lines
    ]
    if retiring != list(lines):
        key_file.replace(path, retiring)


def _retire(path: Path) -> None:
    lines = key_file.read(path)
    retired = [replace(line, state=KeyState.RETIRED) if line.state is KeyState.RETIRING else line for line in lines]
    if retired != list(lines):
        key_file.replace(path, retired)


def _hand_over(before: App, settings: Settings, reason: str) -> Iterator[str]:
    before.rollback.require_not_behind(anew=True)
    _use(settings.identity.key_file, before.keyring.check_value)
    keyring = Keyring.load(settings.identity.key_file)
    after = App(settings, before.engine, keyring, "cli", before.clock)
    origin = before.origins.current()
    facts = {
        "reason": reason,
        "origin": origin,
        "old_key": before.keyring.key_id,
        "new_key": keyring.key_id,
        "old_public_key": str(before.origins.key(origin)),
        "new_public_key": str(after.origins.key(origin)),
    }
    last, first = before.checkpoints.hand_over(after.checkpoints, facts)
    _keep(before.notes_folder, last, first)
    yield f"entry {last.size} says that {before.keyring.key_id} ended, and is the last that it signed"


def _keep(folder: Path, *sealed: Sealed) -> None:
    """Put the last note of the old key, and the first of the new, into the state folder: the anchors get the newest."""
    for each in sealed:
        Folder(folder).publish(each.checkpoint, each.note)


def _seal_apps(after: App) -> Iterator[str]:
    """Seal the secrets of authenticator apps anew, and name who cannot sign in with theirs any more."""
    for name in seal_apps_anew(after):
        yield f"the app of {name} was not sealed with a key in use: `syncer user reset {name}`, then they enrol again"


def _left(ids: tuple[str, ...]) -> str:
    return (
        f"{len(ids)} addresses could not be sealed anew, since the log does not know who asked for what ({ids[0]}, …):"
        " their deliveries are held; bring them again with `syncer resync --file`"
    )
