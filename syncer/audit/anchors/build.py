"""Builds the place that a table of the settings names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from syncer.audit.anchors.place import Place

if TYPE_CHECKING:
    from syncer.settings.anchors import Anchor


def build(name: str, anchor: Anchor, state: Path) -> Callable[[], Place]:
    """Return the function that makes the place of [anchors.NAME], reading its secret. `state` is the state folder."""

    from syncer.settings.anchors import EmailAnchor, FolderAnchor, ObjectAnchor, SyslogAnchor, TimestampAnchor

    def make() -> Place:
        table = f"settings.toml: [anchors.{name}]"
        if isinstance(anchor, FolderAnchor):
            from syncer.audit.anchors.folder import Folder

            return Folder(anchor.path)
        if isinstance(anchor, SyslogAnchor):
            from syncer.audit.anchors.syslog import Syslog

            return Syslog(anchor)
        if isinstance(anchor, EmailAnchor):
            from syncer.audit.anchors.email import Email

            return Email(anchor, table)
        if isinstance(anchor, ObjectAnchor):
            from syncer.audit.anchors.objects import Objects

            return Objects(anchor, table)
        assert isinstance(anchor, TimestampAnchor)
        from syncer.audit.anchors.timestamp import Timestamp

        return Timestamp(anchor, state)

    return make
