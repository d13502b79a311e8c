"""Runs the published Python client against a running Stepwell, method by method, as a sync and as an
async user.

Usage: run.py BASE_URL API_KEY. All checks run; failures are printed at the end.
"""

import importlib.metadata
import sys
import time
import traceback

import actuals
import execute
import stream
from common import USERS, create_all


def main():
    create_all()
    failed, run, started = [], 0, time.monotonic()
    for check in [*execute.CHECKS, *stream.CHECKS, *actuals.CHECKS]:
        for user in USERS:
            run += 1
            try:
                check(user)
            except Exception as error:
                failed.append(f"{check.__name__} ({user.__name__})")
                traceback.print_exception(error, limit=-2)
    version = importlib.metadata.version("vellum-ai")
    took = time.monotonic() - started
    print(f"python client {version}: {run - len(failed)} of {run} checks pass, {took:.1f} s")
    for name in failed:
        print(f"  failed: {name}")
    sys.exit(1 if failed else 0)


main()
