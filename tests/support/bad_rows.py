"""Queue rows whose times cannot be used, as each engine lets them in."""

from __future__ import annotations

INSERT = "INSERT INTO syncer_queue (event_key, kind, email, received_at) VALUES ('bad', 'erasure', 'a@b.test', "
#: what SQLite stores because it stores anything
SQLITE = (
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'erasure', x'ff40fe2e')",
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'erasure', CAST(x'ffc3' AS TEXT))",
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'erasure', printf('%.*c', 5000000, 'x'))",
    "INSERT INTO syncer_queue (event_key, kind, email, source) VALUES ('bad', x'00ff', 'a@b.test', x'ff')",
    f"{INSERT} 'soon')",
    f"{INSERT} 17)",
)
#: what WordPress' connection, which is not strict, lets through
MARIADB = (
    f"{INSERT} '0000-00-00 00:00:00')",
    f"{INSERT} 'soon')",
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'erasure', REPEAT('x', 5000000))",
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'a right with a long name', 'a@b.test')",
    "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('bad', 'erasure', x'61ff4062')",
)
POSTGRESQL = (f"{INSERT} 'infinity')", f"{INSERT} '-infinity')", f"{INSERT} '0044-03-15 BC')")
ANYWHERE = (f"{INSERT} '1970-01-01 00:00:00')", f"{INSERT} '2999-01-01 00:00:00')")
