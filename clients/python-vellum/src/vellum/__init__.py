"""`Client` and `VellumError` as used by early examples of the Vellum client, for Stepwell.

This is not the published package `vellum-ai`, whose module has the same name. Install only one.
"""

from ._client import Client, WorkflowStream
from ._errors import VellumError

__all__ = ["Client", "VellumError", "WorkflowStream"]
