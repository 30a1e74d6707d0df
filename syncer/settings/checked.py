"""The checked settings, and their digest for the audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from syncer.settings.alerting.alerts import AlertsSettings, HeartbeatSettings
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.destinations import SHADOW, Destination
from syncer.settings.login import Login, ServerTable
from syncer.settings.operation import BackupSettings, GuardSettings
from syncer.settings.proof import CheckpointsSettings, RetentionSettings
from syncer.settings.secret_file import SECRET_KEY
from syncer.settings.tables import (
    ControllerSettings,
    DatabaseSettings,
    DeadlinesSettings,
    IdentitySettings,
    LogSettings,
    MetricsSettings,
    QueueSettings,
    ScheduleSettings,
    WordPressSettings,
)

if TYPE_CHECKING:
    from syncer.settings.alerting.channels import Channel
    from syncer.settings.anchors import Anchor


@dataclass(frozen=True)
class Settings:
    """All settings, checked; files and SQLite URLs are absolute. `path` is the file they came from."""

    path: Path
    database: DatabaseSettings
    queue: QueueSettings
    identity: IdentitySettings
    deadlines: DeadlinesSettings
    schedule: ScheduleSettings
    log: LogSettings
    metrics: MetricsSettings
    checkpoints: CheckpointsSettings
    retention: RetentionSettings
    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    wordpress: WordPressSettings | None = None
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    alerts: AlertsSettings = field(default_factory=AlertsSettings)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    heartbeat: HeartbeatSettings | None = None
    console: ConsoleSettings | None = None
    #: what works and should be mended all the same, each ending in its remedy
    warnings: tuple[str, ...] = ()

    @property
    def wordpress_url(self) -> str:
        """The URL of WordPress' database: the queue's unless [wordpress] names another. Its password may be missing."""
        own = self.wordpress.url if self.wordpress is not None else None
        return own or self.queue.url or self.database.url

    @property
    def database_login(self) -> Login:
        """How to log in to syncer's own database. Raises SettingsProblem for a missing password."""
        return self.database.login(f"{self.path}: [database]")

    @property
    def queue_login(self) -> Login | None:
        """How to log in to the queue's own database; None where it lies in the one above. Raises SettingsProblem."""
        return None if self.queue.url is None else self.queue.login(f"{self.path}: [queue]")

    @property
    def wordpress_login(self) -> Login:
        """How to log in to WordPress' database. Raises SettingsProblem for a missing password."""
        if self.wordpress is not None and self.wordpress.url is not None:
            return self.wordpress.login(f"{self.path}: [wordpress]")
        return self.queue_login or self.database_login


def in_shadow(settings: Settings) -> Settings:
    """Return the settings with every destination in shadow mode."""
    shadowed = {name: replace(item, mode=SHADOW) for name, item in settings.destinations.items()}
    return replace(settings, destinations=shadowed)


def settings_digest(settings: Settings) -> str:
    """Return the SHA-256 (hex) of the effective settings, without any secret."""
    content = {
        "database": [_without_password(settings.database.url), settings.database.prefix, *_tls(settings.database)],
        "queue": [
            settings.queue.url and _without_password(settings.queue.url),
            settings.queue.table,
            *_tls(settings.queue),
        ],
        "identity": settings.identity.values(),
        "controller": settings.controller.values(),
        "deadlines": settings.deadlines.values(),
        "schedule": settings.schedule.values(),
        "log": settings.log.values(),
        "metrics": settings.metrics.values(),
        "wordpress": settings.wordpress
        and settings.wordpress.values() | {"url": _without_password(settings.wordpress_url)},
        "checkpoints": settings.checkpoints.values(),
        "retention": settings.retention.values(),
        "guard": settings.guard.values(),
        "backup": settings.backup.values(),
        "alerts": settings.alerts.values(),
        "channels": {name: item.values() for name, item in settings.channels.items()},
        "heartbeat": settings.heartbeat and settings.heartbeat.values(),
        "console": settings.console and settings.console.values(),
        "anchors": {name: item.values() for name, item in settings.anchors.items()},
        "destinations": {
            name: [
                item.adapter,
                item.erasure,
                item.objection,
                item.mode,
                item.api_key_env,
                item.api_key_file,
                dict(item.options),
            ]
            for name, item in settings.destinations.items()
        },
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _tls(table: ServerTable) -> list[str]:
    return [f"{key}={value}" for key in ("tls", "tls_ca") if (value := getattr(table, key)) is not None]


def _without_password(url: str) -> str:
    parsed = make_url(url)
    hidden = [key for key in parsed.query if SECRET_KEY.fullmatch(key)]
    return parsed._replace(password=None).difference_update_query(hidden).render_as_string()
