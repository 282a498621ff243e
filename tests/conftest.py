"""For all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long one example takes, or the making of it, says how busy the machine is, and nothing of the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
