"""Both providers as stateful local HTTP servers: for the demo, the tests, the benchmark and your own trials."""

from adapters.sandbox.activecampaign import ActiveCampaignSandbox
from adapters.sandbox.faults import FAULTS, Fault
from adapters.sandbox.mailchimp import MailchimpSandbox
from adapters.sandbox.messages import Recorded

__all__ = ["FAULTS", "ActiveCampaignSandbox", "Fault", "MailchimpSandbox", "Recorded"]
