"""Mailchimp's own client for Node takes the sandbox for Mailchimp."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.vendors.installed import modules_or_skip, node_or_skip, specification_or_skip
from tests.vendors.specification import Specification
from tests.vendors.watching import Watch, findings

pytestmark = pytest.mark.vendors

AUDIENCE = "a1b2c3d4e5"
BEFORE, AFTER = "ada@lovelace.test", "ada@king.test"


@pytest.fixture(scope="module")
def life() -> dict[str, dict[str, Any]]:
    """What the client saw at each step; every answer it got fits the vendor's specification."""
    with MailchimpSandbox(audiences=(AUDIENCE,)) as mc, Watch(MailchimpSandbox) as watch:
        done = subprocess.run(
            [
                node_or_skip(),
                str(Path(__file__).with_name("foreign_client.js")),
                f"{mc.url}/3.0",
                AUDIENCE,
                BEFORE,
                AFTER,
            ],
            env={**os.environ, "NODE_PATH": str(modules_or_skip()), "MAILCHIMP_KEY": mc.api_key},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert findings(watch.take(), Specification(specification_or_skip())) == []
    return {step.pop("name"): step for step in map(json.loads, done.stdout.splitlines())}


def test_it_creates_reads_and_tags(life: dict[str, dict[str, Any]]) -> None:
    assert life["ping"]["body"]["health_status"] == "Everything's Chimpy!"
    assert life["lists"]["body"] == {"lists": [{"id": AUDIENCE}], "total_items": 1}
    assert life["create"]["body"]["merge_fields"]["LNAME"] == "King"
    assert life["create again"] == {"status": 400, "title": "Member Exists"}
    assert life["by contact id"]["body"]["email_address"] == BEFORE
    assert life["tag"] == {"body": None}
    assert [tag["name"] for tag in life["read"]["body"]["tags"]] == ["early", "late"]


def test_it_renames_and_the_old_address_is_gone_at_once(life: dict[str, dict[str, Any]]) -> None:
    assert life["rename"]["body"]["email_address"] == AFTER
    assert life["rename"]["body"]["contact_id"] == life["create"]["body"]["contact_id"]
    assert life["old address"] == {"status": 404, "title": "Resource Not Found"}


def test_it_unsubscribes_and_reads_that_back(life: dict[str, dict[str, Any]]) -> None:
    assert life["unsubscribe"]["body"]["status"] == life["read"]["body"]["status"] == "unsubscribed"
    assert "_links" not in life["read"]["body"]
    assert life["unsubscribed ones"]["body"] == {"members": [{"email_address": AFTER}], "total_items": 1}
    assert life["search"]["body"] == {"exact_matches": {"total_items": 1}}
    assert life["subscribe again"]["body"]["status"] == "subscribed"


def test_it_archives_erases_and_reads_that_back(life: dict[str, dict[str, Any]]) -> None:
    assert life["archive"] == life["erase"] == {"body": None}
    assert life["archive again"]["status"] == 405
    assert life["read back"] == life["erase again"] == {"status": 404, "title": "Resource Not Found"}
    assert life["create after erasure"] == {"status": 400, "title": "Forgotten Email Not Subscribed"}


def test_what_is_not_modelled_says_so(life: dict[str, dict[str, Any]]) -> None:
    assert life["batch"] == {"status": 501, "title": "Not Modelled"}
