"""What all tests share: examples without a clock over them, and readable failures of the shipped suites."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("bridge.testing")
settings.register_profile(
    "bridge",
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
settings.load_profile("bridge")
