"""A Docker engine for each test that wants one."""

from __future__ import annotations

from unit.discovery.conftest import engine as engine
