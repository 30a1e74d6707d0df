"""Every provider's stage in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.stage import Stage
from tests.adapters.stages import STAGES


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = STAGES[request.param]()
    yield made
    made.close()
