"""Fixtures shared by the Python packages."""

from stepwell_testing import deployments, server, start_stub

__all__ = ["deployments", "start_stub", "server"]
