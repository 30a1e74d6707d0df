"""The must-use plugin, copied to where WordPress finds it."""

from __future__ import annotations

import os
import re
import secrets
import stat
from importlib import resources
from pathlib import Path

from syncer.errors import UserError

NAME = "syncer-queue.php"
#: octets of an installed plugin that are compared with the one shipped
LONGEST = 1 << 20


def plugin() -> str:
    """Return the plugin's text."""
    return resources.files("syncer.intake.wordpress").joinpath(NAME).read_text(encoding="utf-8")


def version() -> int:
    """Return the version in the head of the plugin that is shipped."""
    found = re.search(r"^ \* Version: +(\d+)$", plugin(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def install(content: Path) -> str:
    """Copy the plugin into mu-plugins below `content` (wp-content); return one line that says what was done.

    The web server reads it (mode 0644); it is replaced in one step, since WordPress may load it at any moment. The
    folder belongs to the web server's user and this may run as root: no link in it is followed.
    Raises UserError when `content` is not a wp-content folder or cannot be written.
    """
    if not (content / "plugins").is_dir() and not (content / "themes").is_dir():
        raise UserError(
            f"{content}: not a wp-content folder (neither plugins nor themes in it); give the one of your WordPress"
        )
    folder, text = content / "mu-plugins", plugin().encode()
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            there, before = _read(handle)
            if before != text:
                _write(handle, text)
        finally:
            os.close(handle)
    except OSError as error:
        if folder.is_symlink():
            raise UserError(
                f"{folder}: it is a link, and none is followed; copy what `--wp-content -` prints to where it leads"
            ) from None
        raise UserError(
            f"{folder / NAME}: cannot be written ({error.strerror}); run this as the owner of {content}"
        ) from None
    return f"{folder / NAME}: {'already there' if before == text else 'replaced' if there else 'written'}"


def _read(folder: int) -> tuple[bool, bytes | None]:
    """Say whether the plugin's name is in use, and return what is in it; None where that is no file but a link."""
    try:
        # a pipe of that name must not keep anybody waiting
        handle = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return False, None
    except OSError:
        return True, None
    with open(handle, "rb") as file:
        return True, file.read(LONGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def _write(folder: int, text: bytes) -> None:
    """Write a file of a name that nobody can guess, and put it in the place of whatever has the plugin's name."""
    fresh = f".{NAME}.{secrets.token_hex(8)}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with open(handle, "wb") as file:
            file.write(text)
            os.fchmod(handle, 0o644)
            file.flush()
            os.fsync(handle)
        os.replace(fresh, NAME, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise
