"""`syncer wordpress`: installing the plugin, printing grants, and the mistakes of a caller."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.intake.wordpress.plugin import plugin, version
from tests.intake.wordpress.posts import SETTINGS
from tests.support.processes import inside as run


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS.format(queue="mysql://sy'nc:secret@db.test/word`press"), encoding="utf-8")
    return path


def test_the_plugin_is_copied_once_replaced_when_it_differs_and_printed(settings: Path, tmp_path: Path) -> None:
    content = tmp_path / "wp-content"
    (content / "plugins").mkdir(parents=True)
    words = ("wordpress", "install", "--wp-content", str(content))
    target = content / "mu-plugins" / "syncer-queue.php"

    first, second = run(settings, *words), run(settings, *words)
    target.write_text("<?php // old", encoding="utf-8")
    third = run(settings, *words)
    printed = run(settings, "wordpress", "install", "--wp-content", "-")

    assert [done.stdout.rpartition(": ")[2].strip() for done in (first, second, third)] == [
        "written", "already there", "replaced"
    ]  # fmt: skip
    assert printed.stdout == target.read_text(encoding="utf-8")
    assert target.stat().st_mode & 0o777 == 0o644
    assert [item.name for item in target.parent.iterdir()] == [target.name]


def test_the_plugin_calls_itself_by_the_version_in_its_head() -> None:
    assert f"define( 'SYNCER_PLUGIN_VERSION', '{version()}' );" in plugin()


def test_the_grants_name_the_settings_user_quote_it_and_never_the_password(settings: Path) -> None:
    done = run(settings, "wordpress", "grants", "--site", "1", "--site", "5", "--host", "10.0.0.2")

    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout
    assert done.stdout.startswith("USE `word``press`;")
    assert "GRANT SELECT (blog_id) ON `word``press`.`wp_blogs` TO 'sy\\'nc'@'10.0.0.2';" in done.stdout
    assert "`wp_5_posts`" in done.stdout
    assert "post_password" not in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("install", "--wp-content", "/nowhere"), "not a wp-content folder"),
        (("dismiss", "five", "--reason", "long enough"), "REQUEST: write it as"),
        (("dismiss", "1:5", "--reason", "no"), "at least five characters"),
        (("grants", "--site", "0"), "0 is not in the range"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(settings: Path, words: tuple[str, ...], expected: str) -> None:
    done = run(settings, "wordpress", *words)

    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_the_table_or_on_another_kind_of_database_it_says_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[deadlines]\ntimezone = "Europe/Berlin"\n', encoding="utf-8")
    absent = run(path, "wordpress", "grants")
    path.write_text('[deadlines]\ntimezone = "Europe/Berlin"\n[wordpress]\n', encoding="utf-8")
    sqlite = run(path, "wordpress", "grants")

    assert (absent.returncode, sqlite.returncode) == (2, 2)
    assert "there is no table [wordpress]" in absent.stderr
    assert "[wordpress] url: WordPress' own database is needed" in sqlite.stderr
