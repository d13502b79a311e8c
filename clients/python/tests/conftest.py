"""The fixtures that both Python distributions use."""

from stepwell_testing import deployments, server, start_stub

__all__ = ["deployments", "start_stub", "server"]
