"""Fixtures shared by the Python packages."""

from stepwell_testing import deployments, start_stub, server

__all__ = ["deployments", "start_stub", "server"]
