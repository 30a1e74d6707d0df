"""A real WordPress, a network of two, and a syncer beside each; one of each for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import Site, core_or_skip
from tests.support.servers import Server, server_or_skip


@pytest.fixture(scope="session")
def wordpress_server() -> Iterator[Server]:
    """A MariaDB of their own: some tests kill it."""
    core_or_skip()
    server = server_or_skip("mariadb")
    yield server
    server.close()


@pytest.fixture(scope="session")
def providers() -> Iterator[tuple[MailchimpSandbox, ActiveCampaignSandbox]]:
    with MailchimpSandbox(audiences=AUDIENCES) as mailchimp, ActiveCampaignSandbox(rate=None) as activecampaign:
        os.environ["TEST_MAILCHIMP_KEY"] = mailchimp.api_key
        os.environ["TEST_ACTIVECAMPAIGN_KEY"] = activecampaign.api_key
        yield mailchimp, activecampaign
        del os.environ["TEST_MAILCHIMP_KEY"], os.environ["TEST_ACTIVECAMPAIGN_KEY"]


@pytest.fixture(scope="session")
def site(wordpress_server: Server) -> Iterator[Site]:
    found = Site(wordpress_server)
    yield found
    found.close()


@pytest.fixture(scope="session")
def installation(site: Site, providers: tuple[MailchimpSandbox, ActiveCampaignSandbox]) -> Iterator[Installation]:
    found = Installation(site, *providers)
    yield found
    found.close()
