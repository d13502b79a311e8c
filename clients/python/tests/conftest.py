"""The fixtures that both Python distributions use."""

from stepwell_testing import deployments, feedback, scripted, server

__all__ = ["deployments", "feedback", "scripted", "server"]
