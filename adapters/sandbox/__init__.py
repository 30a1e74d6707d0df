"""Both providers as stateful local HTTP servers: for the demo, the tests, the benchmark and your own trials."""

from adapters.sandbox.activecampaign.account import ActiveCampaignSandbox
from adapters.sandbox.faults import FAULTS, PAGE_FAULTS, Fault
from adapters.sandbox.mailchimp.account import MailchimpSandbox
from adapters.sandbox.messages import Recorded

__all__ = ["FAULTS", "PAGE_FAULTS", "ActiveCampaignSandbox", "Fault", "MailchimpSandbox", "Recorded"]
