"""The fixtures that both Python distributions use."""

from stepwell_testing import deployments, scripted, server

__all__ = ["deployments", "scripted", "server"]
