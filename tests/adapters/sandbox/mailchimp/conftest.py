"""One Mailchimp account with one audience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE


@pytest.fixture
def mc() -> Iterator[MailchimpSandbox]:
    with MailchimpSandbox(audiences=(AUDIENCE,)) as server:
        yield server
