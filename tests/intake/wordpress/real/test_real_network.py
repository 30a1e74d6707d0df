"""A network: one queue for all its sites, whose request ids repeat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import CONFIRMED, Site
from tests.support.processes import as_json, run
from tests.support.servers import Server

pytestmark = pytest.mark.wordpress


@pytest.fixture(scope="module")
def network(wordpress_server: Server) -> Iterator[Site]:
    found = Site(wordpress_server, network=True)
    found.add_blog("two")
    yield found
    found.close()


def test_each_sites_requests_are_carried_out_and_a_site_without_grants_is_an_alarm(
    network: Site, providers: tuple[MailchimpSandbox, ActiveCampaignSandbox]
) -> None:
    syncer = Installation(network, *providers, "--site", "1", "--site", "2")
    for address in ("one@network.test", "two@network.test"):
        syncer.knows(address)
    first = network.create("one@network.test", mail=False)
    second = network.create("two@network.test", mail=False, blog="/two")
    network.act("complete", first)
    assert network.erase(second, blog="/two")[-1]["success"]

    syncer.drain()

    assert syncer.confirmed(f"1:{first}") == syncer.confirmed(f"2:{second}") == [CONFIRMED]
    assert syncer.gone("one@network.test")
    assert syncer.gone("two@network.test")
    assert "Mailchimp: confirmed" in network.screen("/two")
    swept = as_json(syncer.settings, "wordpress", "sweep")
    assert (swept["sites"], swept["missed"], swept["alarms"]) == (2, 0, [])

    network.add_blog("three")
    done = run(syncer.settings, "wordpress", "sweep")

    assert done.returncode == 1
    assert "ALARM site_unreadable (site 3)" in done.stdout
    syncer.close()
