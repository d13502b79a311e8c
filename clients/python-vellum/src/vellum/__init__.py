"""`Client` and `VellumError` as early examples of the Vellum client use them, for Stepwell.

Not the published package `vellum-ai`, whose module has the same name: install one of the two.
"""

from ._client import Client, WorkflowStream
from ._errors import VellumError

__all__ = ["Client", "VellumError", "WorkflowStream"]
