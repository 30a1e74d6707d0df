"""The key file of the web console: what is in it, what is not, and whose file it must be."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.audit.offline.notes import Signer
from syncer.errors import KeyFileError, KeyTooSmall, SealError
from syncer.privacy import console_key, key_file
from syncer.privacy.key_file import KeyState
from syncer.privacy.keyring import Keyring
from tests.support.deliveries import asked


@pytest.fixture
def whole(tmp_path: Path) -> Keyring:
    """The key of an installation that was replaced once."""
    path = tmp_path / "syncer.key"
    Keyring.create(path)
    (old,) = key_file.read(path)
    key_file.replace(path, [key_file.KeyLine(old.root, old.created, KeyState.RETIRED), key_file.new_line()])
    return Keyring.load(path)


@pytest.fixture
def path(tmp_path: Path, whole: Keyring) -> Path:
    """The console's key file of that installation."""
    made = tmp_path / "console.key"
    console_key.create(made, whole.versions)
    return made


def test_it_finds_people_writes_the_log_and_verifies_it_as_every_version_does(whole: Keyring, path: Path) -> None:
    keys = Keyring.for_console(path)

    assert keys.refs("ada@lovelace.test") == whole.refs("ada@lovelace.test")
    assert keys.label("a text") == whole.label("a text")
    for mine, its in zip(keys.versions, whole.versions, strict=True):
        assert (mine.key_id, mine.check_value, mine.created, mine.state) == (
            its.key_id,
            its.check_value,
            its.created,
            its.state,
        )
        assert (mine.chain_key, mine.console_key) == (its.chain_key, its.console_key)
        assert mine.public_key == Signer("log", its.signing_seed).verifier.public
    assert keys.console_key == whole.console_key
    assert keys.going_on_with(whole.versions[0].check_value, retired=True).key_id == whole.versions[0].key_id


def test_it_opens_seals_and_signs_nothing_and_says_who_does(whole: Keyring, path: Path) -> None:
    keys, sealed = Keyring.for_console(path), whole.seal(asked("ada@lovelace.test"), "e1")

    assert (whole.opens, keys.opens) == (True, False)
    tries: list[Callable[[], object]] = [
        lambda: keys.open(sealed, "e1"),
        lambda: keys.address(sealed, "e1"),
        lambda: keys.seal(asked("ada@lovelace.test"), "e1"),
    ]
    for attempt in tries:
        with pytest.raises(SealError, match="web console opens no address"):
            attempt()
    with pytest.raises(KeyTooSmall, match="the daemon does"):
        _ = keys.signing_seed


def test_neither_a_root_nor_a_sealing_key_nor_a_seed_stands_in_the_file(whole: Keyring, path: Path) -> None:
    lines = key_file.read(path.parent / "syncer.key")
    secret = [line.root for line in lines] + [version.signing_seed for version in whole.versions]
    content = path.read_text(encoding="ascii")

    assert not any(base64.b64encode(each).decode() in content or each.hex() in content for each in secret)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "root" not in repr(Keyring.for_console(path).versions[0].__dict__)


def test_an_installations_own_key_file_is_taken_and_forgets_what_the_console_has_no_use_for(
    whole: Keyring, path: Path
) -> None:
    keys = Keyring.for_console(path.parent / "syncer.key")

    assert keys.refs("ada@lovelace.test") == whole.refs("ada@lovelace.test")
    assert not keys.opens
    assert not any("_root" in version.__dict__ for version in keys.versions)
    assert [console_key.read(path.parent / name)[1] for name in ("syncer.key", "console.key")] == [False, True]


def test_a_file_is_never_overwritten(whole: Keyring, path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(KeyFileError, match="never overwritten"):
        console_key.create(path, whole.versions)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-30],
        lambda text: text.splitlines()[0],
        lambda text: "\n".join(reversed(text.splitlines())),
        lambda text: text + text,
        lambda text: text.replace("current", "retired"),
        lambda text: text.replace("A", "B").replace("a", "b"),
        lambda text: text.replace("syncer-console-key-v1:", "syncer-console-key-v1:x:", 1),
        lambda text: text.replace("-", "\u00fc"),
        lambda text: "syncer-console-key-v1:" + ":" * 200_000,
        lambda text: "\x00" * 70_000,
    ],
)
def test_a_damaged_file_is_refused_and_not_half_believed(path: Path, damage: Callable[[str], str]) -> None:
    path.write_text(damage(path.read_text(encoding="ascii")), encoding="utf-8")

    with pytest.raises(KeyFileError, match="key file of syncer|syncer's web console"):
        Keyring.for_console(path)


@pytest.mark.parametrize("number", [4, 5, 6, 7, 8])
def test_one_wrong_character_in_any_key_is_noticed(path: Path, number: int) -> None:
    line = path.read_text(encoding="ascii").splitlines()[-1]
    parts = line.split(":")
    parts[number] = ("A" if parts[number][0] != "A" else "B") + parts[number][1:]
    path.write_text(path.read_text(encoding="ascii").replace(line, ":".join(parts)), encoding="ascii")

    with pytest.raises(KeyFileError, match="syncer console key --out"):
        Keyring.for_console(path)


def test_it_must_be_a_file_of_ours_alone(path: Path) -> None:
    link = path.parent / "link"
    link.symlink_to(path)
    for wrong, words in (
        (path.parent / "nowhere", "is missing; make it with `syncer console key"),
        (link, "is a link"),
    ):
        with pytest.raises(KeyFileError, match=words):
            Keyring.for_console(wrong)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="others can read the console's key file; run `chmod 600"):
        Keyring.for_console(path)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        with pytest.raises(KeyFileError, match="belongs to another user"):
            Keyring.for_console(path)


def test_the_daemon_does_not_start_with_the_consoles_key(path: Path) -> None:
    with pytest.raises(KeyFileError, match="a key of the web console, which opens no address"):
        Keyring.load(path)
