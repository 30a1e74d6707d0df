"""Finding 15: several keys in one file, made without a database, and nobody else's file."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncer.errors import KeyFileError, SealError
from syncer.privacy import key_file, own_file
from syncer.privacy.key_file import KeyLine, KeyState
from syncer.privacy.keyring import Keyring
from tests.support.deliveries import asked
from tests.support.older import sealed_before

OLD = "syncer-key-v1:" + base64.b64encode(b"\x01" * 32).decode()


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    path.chmod(0o600)
    return path


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """A key file in which an old one-line key was replaced."""
    path = written(tmp_path / "syncer.key", OLD)
    (old,) = key_file.read(path)
    key_file.replace(path, [KeyLine(old.root, old.created, KeyState.RETIRED), key_file.new_line()])
    return path


def test_finding_15_a_key_file_of_one_line_from_before_still_loads(tmp_path: Path) -> None:
    old = Keyring.load(written(tmp_path / "syncer.key", OLD))

    assert old.check_value == Keyring(b"\x01" * 32).check_value
    assert [(version.created, version.state) for version in old.versions] == [(None, "current")]


def test_finding_15_a_file_keeps_several_keys_with_their_days_and_states(rotated: Path) -> None:
    keys = Keyring.load(rotated)

    assert [version.state for version in keys.versions] == ["retired", "current"]
    assert [version.created for version in keys.versions] == [None, datetime.now(UTC).date()]
    assert rotated.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in rotated.parent.iterdir()) == ["syncer.key"]


def test_finding_15_everything_is_written_with_the_new_key_and_people_are_found_by_both(rotated: Path) -> None:
    old, keys = Keyring(b"\x01" * 32), Keyring.load(rotated)

    assert keys.ref("a@x.test") != old.ref("a@x.test")
    assert keys.refs("a@x.test") == (keys.ref("a@x.test"), old.ref("a@x.test"))
    assert keys.chain_key != old.chain_key
    assert keys.signing_seed != old.signing_seed
    assert keys.seal(asked("a@x.test"), "e").split(".")[1] == keys.key_id != old.key_id


@pytest.mark.parametrize(
    "seal", [lambda keys: keys.seal(asked("a@x.test"), "e"), lambda keys: sealed_before(keys, "a@x.test", "e")]
)
def test_finding_15_whoever_stole_a_retired_key_seals_nothing_that_is_acted_on(rotated: Path, seal) -> None:  # type: ignore[no-untyped-def]
    keys, stolen = Keyring.load(rotated), seal(Keyring(b"\x01" * 32))

    for opening in (keys.open, keys.open_old):
        with pytest.raises(SealError):
            opening(stolen, "e")
    assert keys.address(stolen, "e") == "a@x.test"  # it can be read still, to be sealed anew or compared


def test_finding_15_what_a_retiring_key_sealed_opens_until_it_is_sealed_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "syncer.key", OLD)
    sealed = Keyring.load(path).seal(asked("a@x.test"), "e")
    (old,) = key_file.read(path)
    key_file.replace(path, [KeyLine(old.root, old.created, KeyState.RETIRING), key_file.new_line()])

    assert Keyring.load(path).open(sealed, "e") == asked("a@x.test")


@pytest.mark.parametrize(
    "lines",
    [
        [OLD, OLD],
        [f"{OLD}x"],
        ["syncer-key-v2:2026-11-29:retired:" + "A" * 43 + "="],
        ["syncer-key-v2:2026-11-29:current:" + "A" * 43 + "=", "syncer-key-v2:2026-11-29:retired:" + "B" * 43 + "="],
        ["syncer-key-v2:2026-13-29:current:" + "A" * 43 + "="],
        ["syncer-key-v2:2026-11-29:other:" + "A" * 43 + "="],
        ["syncer-key-v2:2026-11-29:current:" + "A" * 20 + "="],
        ["syncer-key-v3:2026-11-29:current:" + "A" * 43 + "="],
        ["2026-11-29:current:" + "A" * 43 + "="],
        ["syncer-key-v2:2026-11-29:current"],
        [f"syncer-key-v2:-:retired:{base64.b64encode(number.to_bytes(32)).decode()}" for number in range(2000)] + [OLD],
    ],
)
def test_finding_15_a_file_that_is_not_wholly_ours_is_refused_and_nothing_of_it_is_shown(
    tmp_path: Path, lines: list[str]
) -> None:
    path = written(tmp_path / "syncer.key", *lines)

    with pytest.raises(KeyFileError, match=f"{path}: this is not a key file of syncer") as caught:
        Keyring.load(path)

    assert "AAAA" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_finding_15_a_key_file_that_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "syncer.key", OLD)
    os.chown(path, 65534, 65534)

    with pytest.raises(KeyFileError, match=f"{path}: the key file belongs to another user") as caught:
        Keyring.load(path)

    assert "run syncer as that user" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_finding_15_roots_key_file_is_accepted_by_any_user_who_may_read_it(tmp_path: Path) -> None:
    """As systemd's credentials are: they belong to root, and an access list lets the unit's user read them."""
    path = written(tmp_path / "syncer.key", OLD)
    info = path.stat()
    assert info.st_uid == 0
    os.seteuid(65534)
    try:
        own_file.require_ours(path, info, key_file.FILE)
    finally:
        os.seteuid(0)


def test_finding_15_a_link_in_the_place_of_the_key_file_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "syncer.key"
    link.symlink_to(written(tmp_path / "planted.key", OLD))

    with pytest.raises(KeyFileError, match=f"{link}: the key file is a link"):
        Keyring.load(link)


def test_finding_15_a_pipe_in_the_place_of_the_key_file_does_not_stop_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "syncer.key", 0o600)

    with pytest.raises(KeyFileError, match="not a file"):
        Keyring.load(tmp_path / "syncer.key")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_finding_15_root_replaces_a_users_key_file_and_it_stays_that_users(tmp_path: Path) -> None:
    path = written(tmp_path / "syncer.key", OLD)
    lines = [*key_file.read(path)]
    os.chown(path, 65534, 65533)
    (tmp_path / ".syncer.key.left.new").write_text("half a key", encoding="ascii")

    key_file.replace(path, lines)

    info = path.stat()
    assert (info.st_uid, info.st_gid, info.st_mode & 0o777) == (65534, 65533, 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["syncer.key"]
