"""Finding 9, WordPress: what syncer's account sees of a site, and rows that pretend to cover a later completion."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymysql
import pytest
import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.clock import now
from syncer.intake.wordpress.coverage import plausible
from syncer.service.drain import prepare
from syncer.setup.install import initialise
from tests.intake.wordpress.posts import META, POSTS, Posts, posts
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

__all__ = ["posts"]
AT, STAMP = "2026-11-01 10:00:00", 1793527200
DONE = "request-completed"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD = "ID, post_title, post_name, post_status, post_type, post_date_gmt, post_modified_gmt"


@pytest.fixture
def settings(posts: Posts, tmp_path: Path) -> Path:
    """An installation whose account is new, beside a shop: orders with names and phones, an export, a draft."""
    path = posts.settings(tmp_path)
    initialise(load_settings(path))
    posts.user(6, "ada@lovelace.test")
    posts.user(9, "customer@shop.test")
    posts.add(7, "ada@lovelace.test", DONE, AT, STAMP, author=6)
    posts.meta(7, "_billing_phone", "0123 phone")
    posts.sql("INSERT INTO wp_posts (ID, post_title, post_content, post_type) VALUES (20, 'order', 'a', 'shop_order')")
    posts.meta(20, "_billing_phone", "0123 phone")
    posts.meta(20, "_wp_user_request_completed_timestamp", "1")
    posts.sql(
        "INSERT INTO wp_posts (ID, post_title, post_content, post_name, post_type)"
        " VALUES (21, 'exports@x.test', 'a', 'export_personal_data', 'user_request')"
    )
    posts.meta(21, "_wp_user_request_completed_timestamp", "1")
    posts.server.sql("DROP USER IF EXISTS narrow@'127.0.0.1', syncer_views@'localhost'")
    text = path.read_text(encoding="utf-8").replace("root@", "narrow:narrow@")
    path.write_text(text, encoding="utf-8")
    return path


def grant(posts: Posts, settings: Path, *words: str) -> list[str]:
    """Pipe what is printed into the client, as docs/wordpress.md does; returns the lines."""
    printed = run(settings, "wordpress", "grants", "--host", "127.0.0.1", *words)
    assert printed.returncode == 0, printed.stderr
    client = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={posts.server.port}", "--user=root"]
    done = subprocess.run(client, input=printed.stdout, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return printed.stdout.splitlines()


def unlock(posts: Posts) -> None:
    posts.server.sql("ALTER USER narrow@'127.0.0.1' IDENTIFIED BY 'narrow' ACCOUNT UNLOCK")


@pytest.fixture
def account(posts: Posts, settings: Path) -> Iterator[sa.Engine]:
    grant(posts, settings)
    unlock(posts)
    engine = sa.create_engine(posts.url.replace("root@", "narrow:narrow@"), poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def asked(engine: sa.Engine, statement: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT meta_value FROM wp_postmeta WHERE meta_key = '_billing_phone'",
        "SELECT COUNT(meta_value) FROM wp_postmeta",
        "SELECT post_title FROM wp_posts WHERE post_type = 'shop_order'",
        "SELECT ID FROM wp_posts",
        "SELECT user_email FROM wp_users",
        "SELECT user_pass FROM wp_users",
        "SELECT post_type FROM syncer_wp_erasures",
        "UPDATE syncer_wp_erasures SET post_title = 'bob@x.test'",
        "DELETE FROM syncer_wp_times",
        "CREATE OR REPLACE VIEW syncer_wp_times AS SELECT 1",
    ],
)
def test_finding_09_the_account_is_refused_orders_phones_users_and_every_change(
    account: sa.Engine, statement: str
) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"denied|Unknown column"):
        asked(account, statement)


def test_finding_09_the_views_show_erasure_requests_their_two_times_and_their_authors_alone(
    account: sa.Engine,
) -> None:
    assert asked(account, "SELECT ID, post_title, post_author, author_email FROM syncer_wp_erasures") == [
        (7, "ada@lovelace.test", 6, "ada@lovelace.test")
    ]
    assert asked(account, "SELECT * FROM syncer_wp_times") == [(7, "_wp_user_request_completed_timestamp", str(STAMP))]


def test_finding_09_the_sweep_and_check_need_no_more_than_the_views(settings: Path, account: sa.Engine) -> None:
    swept = as_json(settings, "wordpress", "sweep")

    assert (swept["requests"], swept["missed"], swept["refused"], swept["alarms"]) == (1, 1, 0, [])
    assert "its requests can be read, its status table written" in run(settings, "check").stdout


def test_finding_09_an_account_that_the_statements_make_lets_nobody_in_until_a_password_is_set(
    posts: Posts, settings: Path
) -> None:
    grant(posts, settings)
    grant(posts, settings)  # again is harmless

    for user, host in (("narrow", "127.0.0.1"), ("syncer_views", "localhost")):
        found = posts.server.sql(f"SHOW CREATE USER `{user}`@`{host}`")[0][0]
        assert "ACCOUNT LOCK" in found
    with pytest.raises(pymysql.err.OperationalError, match="locked"):
        pymysql.connect(host="127.0.0.1", port=posts.server.port, user="narrow", password="")

    unlock(posts)
    pymysql.connect(host="127.0.0.1", port=posts.server.port, user="narrow", password="narrow").close()
    assert "ACCOUNT UNLOCK" in run(settings, "wordpress", "grants", "--host", "127.0.0.1").stderr


def test_finding_09_grants_of_former_versions_are_taken_back(posts: Posts, settings: Path) -> None:
    posts.server.sql("CREATE USER narrow@'127.0.0.1' IDENTIFIED BY 'narrow'")
    for columns, table in ((OLD, "wp_posts"), ("post_id, meta_key, meta_value", "wp_postmeta")):
        posts.server.sql(f"GRANT SELECT ({columns}) ON {posts.database}.{table} TO narrow@'127.0.0.1'")

    grant(posts, settings)

    held = " ".join(str(row[0]) for row in posts.server.sql("SHOW GRANTS FOR narrow@'127.0.0.1'"))
    assert "wp_posts" not in held
    assert "wp_postmeta" not in held
    assert run(settings, "check").stdout.count("its requests can be read, its status table written") == 1


def test_finding_09_an_account_that_reads_the_tables_goes_on_and_check_names_the_remedy(
    posts: Posts, settings: Path
) -> None:
    text = settings.read_text(encoding="utf-8").replace("narrow:narrow@", "root@")
    settings.write_text(text, encoding="utf-8")

    assert as_json(settings, "wordpress", "sweep")["missed"] == 1

    (line,) = [line for line in run(settings, "check").stdout.splitlines() if "two views" in line]
    assert line.startswith("warn ")


def test_finding_09_each_site_of_a_network_has_views_of_its_own_and_shares_the_users(
    posts: Posts, settings: Path
) -> None:
    posts.sql("CREATE TABLE wp_blogs (blog_id bigint PRIMARY KEY)")
    posts.sql("INSERT INTO wp_blogs VALUES (1), (2), (3)")
    posts.sql(POSTS.format(posts="wp_2_posts"))
    posts.sql(META.format(meta="wp_2_postmeta"))
    posts.sql(
        "INSERT INTO wp_2_posts (ID, post_author, post_title, post_content, post_name, post_type, post_status,"
        f" post_modified_gmt) VALUES (5, 6, 'ada@lovelace.test', '', 'remove_personal_data', 'user_request', '{DONE}',"
        f" '{AT}')"
    )
    posts.sql(
        "INSERT INTO wp_2_postmeta (post_id, meta_key, meta_value)"
        f" VALUES (5, '_wp_user_request_completed_timestamp', '{STAMP}')"
    )
    grant(posts, settings, "--site", "1", "--site", "2")
    unlock(posts)

    swept = as_json(settings, "wordpress", "sweep")

    assert (swept["sites"], swept["requests"], swept["missed"], swept["refused"]) == (2, 2, 2, 0)
    assert [(alarm["code"], alarm["about"]) for alarm in swept["alarms"]] == [("site_unreadable", "site 3")]


def test_finding_09_a_view_whose_tables_are_gone_is_a_site_that_cannot_be_read(
    posts: Posts, settings: Path, account: sa.Engine
) -> None:
    posts.sql("DROP TABLE wp_posts")

    swept = as_json(settings, "wordpress", "sweep")

    assert [alarm["code"] for alarm in swept["alarms"]] == ["site_unreadable"]


@pytest.mark.parametrize(
    ("claimed", "taken", "expected"),
    [
        (NOW - HOUR, None, True),
        (NOW - HOUR, NOW, True),
        (datetime(9999, 12, 31, tzinfo=UTC), None, False),
        (datetime(9999, 12, 31, tzinfo=UTC), NOW - HOUR, False),
        (NOW + HOUR, None, False),
        (NOW - HOUR, NOW - 3 * HOUR, False),
        (None, NOW, False),
    ],
)
def test_finding_09_a_row_was_made_when_it_says_unless_that_lies_ahead_or_behind_its_taking(
    claimed: datetime | None, taken: datetime | None, expected: bool
) -> None:
    assert plausible(claimed, taken, NOW) == (claimed if expected else None)


COLUMNS = "event_key, kind, email, source, source_ref, created_at, taken_at"
PRETENDED = {
    "of the year 9999": "('erasure:x', 'erasure', 'other@x.test', 'eraser', '1:7', '9999-01-01', NULL)",
    "of tomorrow": "('erasure:x', 'erasure', 'other@x.test', 'eraser', '1:7', UTC_TIMESTAMP() + INTERVAL 1 DAY, NULL)",
    "taken and no event": "('erasure:x', 'erasure', NULL, 'eraser', '1:7', UTC_TIMESTAMP() + INTERVAL 4 MINUTE,"
    " UTC_TIMESTAMP())",
}


@pytest.fixture
def app(posts: Posts, tmp_path: Path) -> Iterator[App]:
    settings = load_settings(posts.settings(tmp_path))
    initialise(settings)
    with open_app(settings, clock=lambda: now() + timedelta(minutes=5)) as opened:
        yield opened


@pytest.mark.parametrize("pretended", PRETENDED)
@pytest.mark.parametrize("first_an_event", [False, True])
def test_finding_09_a_row_that_pretends_covers_no_completion(
    posts: Posts, app: App, pretended: str, first_an_event: bool
) -> None:
    posts.sql(f"INSERT INTO syncer_queue ({COLUMNS}) VALUES {PRETENDED[pretended]}")
    if first_an_event:
        prepare(app)
    moment = now()
    posts.add(7, "ada@lovelace.test", DONE, f"{moment:%Y-%m-%d %H:%M:%S}", int(moment.timestamp()) + 150)
    assert app.wordpress is not None

    assert app.wordpress.sweep().missed == 1
    assert "ada@lovelace.test" in [row.email for row in app.queue.waiting(10)]


def test_finding_09_a_row_that_waits_or_became_an_event_covers_as_before(posts: Posts, app: App) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, STAMP)
    posts.sql(
        f"INSERT INTO syncer_queue ({COLUMNS}) VALUES"
        " ('erasure:1:7:request-confirmed:1', 'erasure', 'ada@lovelace.test', 'eraser', '1:7', UTC_TIMESTAMP(), NULL)"
    )
    assert app.wordpress is not None

    waiting = app.wordpress.sweep().missed
    prepare(app)

    assert (waiting, app.wordpress.sweep().missed) == (0, 0)
