"""The fixtures that the Python distributions share."""

from stepwell_testing import scripted, server

__all__ = ["scripted", "server"]
