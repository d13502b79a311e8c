"""The fixtures that both Python distributions use."""

from stepwell_testing import deployments, start_stub, server

__all__ = ["deployments", "start_stub", "server"]
