"""`python -m adapters.sandbox` serves both providers until told to stop and prints their URLs as one JSON line."""

from __future__ import annotations

import argparse
import json
import signal
import threading

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.people import populate


def main() -> int:
    """Parse the ports, serve, and end on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="play Mailchimp and ActiveCampaign on this machine")
    parser.add_argument("--mailchimp-port", type=int, default=0)
    parser.add_argument("--activecampaign-port", type=int, default=0)
    parser.add_argument("--people", type=int, default=0, help="how many made-up people to seed")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with (
        MailchimpSandbox(port=options.mailchimp_port) as mailchimp,
        ActiveCampaignSandbox(port=options.activecampaign_port) as activecampaign,
    ):
        populate(mailchimp, activecampaign, options.people, 1)
        served = {
            "mailchimp": {"url": mailchimp.url, "api_key": mailchimp.api_key},
            "activecampaign": {"url": activecampaign.url, "api_key": activecampaign.api_key},
        }
        print(json.dumps(served), flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
