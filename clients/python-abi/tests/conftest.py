"""Fixtures shared by the Python packages."""

from stepwell_testing import server, start_stub

__all__ = ["start_stub", "server"]
