"""The must-use plugin, copied to where WordPress finds it."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path

from syncer.errors import UserError

NAME = "syncer-queue.php"


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

    The web server reads it (mode 0644); it is replaced in one step, since WordPress may load it at any moment.
    Raises UserError when `content` is not a wp-content folder or cannot be written.
    """
    if not (content / "plugins").is_dir() and not (content / "themes").is_dir():
        raise UserError(
            f"{content}: not a wp-content folder (neither plugins nor themes in it); give the one of your WordPress"
        )
    target, text = content / "mu-plugins" / NAME, plugin()
    fresh = target.with_name(f".{NAME}.new")
    try:
        target.parent.mkdir(mode=0o755, exist_ok=True)
        before = target.read_text(encoding="utf-8", errors="replace") if target.exists() else None
        if before == text:
            return f"{target}: already there"
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o644)
        os.replace(fresh, target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise UserError(f"{target}: cannot be written ({error.strerror}); run this as the owner of {content}") from None
    return f"{target}: {'written' if before is None else 'replaced'}"
