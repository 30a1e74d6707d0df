"""WordPress' tables without WordPress, as its own installer makes them, and requests written in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server

POSTS = """CREATE TABLE {posts} (
  ID bigint(20) unsigned NOT NULL auto_increment, post_author bigint(20) unsigned NOT NULL default 0,
  post_date datetime NOT NULL default '0000-00-00 00:00:00',
  post_date_gmt datetime NOT NULL default '0000-00-00 00:00:00',
  post_content longtext NOT NULL, post_title text NOT NULL, post_status varchar(20) NOT NULL default 'publish',
  post_password varchar(255) NOT NULL default '', post_name varchar(200) NOT NULL default '',
  post_modified_gmt datetime NOT NULL default '0000-00-00 00:00:00', post_type varchar(20) NOT NULL default 'post',
  PRIMARY KEY (ID), KEY post_name (post_name(191)), KEY type_status_date (post_type,post_status,post_date,ID),
  KEY post_author (post_author)) COLLATE utf8mb4_unicode_520_ci"""
META = """CREATE TABLE {meta} (
  meta_id bigint(20) unsigned NOT NULL auto_increment, post_id bigint(20) unsigned NOT NULL default 0,
  meta_key varchar(255) default NULL, meta_value longtext,
  PRIMARY KEY (meta_id), KEY post_id (post_id), KEY meta_key (meta_key(191))) COLLATE utf8mb4_unicode_520_ci"""
USERS = """CREATE TABLE {users} (
  ID bigint(20) unsigned NOT NULL auto_increment, user_login varchar(60) NOT NULL default '',
  user_pass varchar(255) NOT NULL default '', user_email varchar(100) NOT NULL default '',
  PRIMARY KEY (ID), KEY user_email (user_email)) COLLATE utf8mb4_unicode_520_ci"""
COMPLETED = "_wp_user_request_completed_timestamp"
SETTINGS = """
[queue]
url = "{queue}"

[deadlines]
timezone = "Europe/Berlin"

[wordpress]
"""


class Posts:
    """The posts of one WordPress in a database of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.new_database()
        self.database = self.url.rpartition("/")[2]
        self.sql(POSTS.format(posts="wp_posts"))
        self.sql(META.format(meta="wp_postmeta"))
        self.sql(USERS.format(users="wp_users"))

    def sql(self, statement: str) -> list[Any]:
        return self.server.sql(
            f"SET STATEMENT sql_mode='' FOR {statement}" if _writes(statement) else statement, self.database
        )

    def fill(self, posts: int, completed: int) -> None:
        """Write other posts with a meta row each, and completed requests with theirs."""
        self.sql(
            "INSERT INTO wp_posts (post_title, post_content, post_name, post_type, post_date)"
            f" SELECT 'a post', 'text', concat('post-', seq), 'post', now() FROM seq_1_to_{posts}"
        )
        self.sql(
            "INSERT INTO wp_postmeta (post_id, meta_key, meta_value)"
            f" SELECT seq, '_edit_lock', '1' FROM seq_1_to_{posts}"
        )
        self.sql(
            "INSERT INTO wp_posts (ID, post_title, post_content, post_name, post_type, post_status, post_date_gmt,"
            f" post_modified_gmt) SELECT 1000000 + seq, concat('p', seq, '@bulk.test'), '', 'remove_personal_data',"
            " 'user_request', 'request-completed', '2026-01-01 10:00:00', '2026-01-02 10:00:00'"
            f" FROM seq_1_to_{completed}"
        )
        self.sql(
            "INSERT INTO wp_postmeta (post_id, meta_key, meta_value) SELECT 1000000 + seq,"
            f" '_wp_user_request_completed_timestamp', '1767348000' FROM seq_1_to_{completed}"
        )

    def add(
        self, number: int, title: str, status: str, modified: str, completed: int | None = None, *, author: int = 0
    ) -> None:
        """Write one request."""
        self.sql(
            "INSERT INTO wp_posts (ID, post_author, post_title, post_content, post_name, post_type, post_status,"
            f" post_date_gmt, post_modified_gmt) VALUES ({number}, {author}, '{title}', '', 'remove_personal_data',"
            f" 'user_request', '{status}', '{modified}', '{modified}')"
        )
        if completed is not None:
            self.meta(number, COMPLETED, str(completed))

    def meta(self, number: int, key: str, value: str) -> None:
        """Write a meta row of a post."""
        self.sql(f"INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES ({number}, '{key}', '{value}')")

    def user(self, number: int, email: str) -> None:
        """Write an account."""
        self.sql(f"INSERT INTO wp_users (ID, user_login, user_email) VALUES ({number}, 'u{number}', '{email}')")

    def settings(self, folder: Path) -> Path:
        path = folder / "settings.toml"
        path.write_text(SETTINGS.format(queue=self.url), encoding="utf-8")
        return path


def _writes(statement: str) -> bool:
    return statement.startswith("INSERT")


@pytest.fixture
def posts(mariadb: Server) -> Iterator[Posts]:
    found = Posts(mariadb)
    yield found
    mariadb.drop_database(found.url)
