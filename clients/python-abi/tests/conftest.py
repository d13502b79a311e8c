"""The fixtures that the Python distributions share."""

from stepwell_testing import start_stub, server

__all__ = ["start_stub", "server"]
