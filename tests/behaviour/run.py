"""Checks of the rules that users and operators rely on, against a real server and the command line.

run.py BINARY [-k NAME…] [-j JOBS] [--list]: runs the checks whose module or name contains one of the
names, in parallel, and prints a line for each. Needs nothing but Python.
"""

import argparse
import concurrent.futures
import importlib
import os
import pathlib
import sys
import tempfile
import time
import traceback

import harness

FOLDER = pathlib.Path(__file__).resolve().parent
MODULES = [
    "conditions", "explanations", "releases", "commands", "seed_details", "installation_secrets",
    "bulk_work", "settings", "proxies", "metrics", "database_file",
]


def name_of(check):
    return f"{check.__module__}.{check.__name__}"


def run(check, binary, shared):
    """The seconds that a check took, and why it failed if it did."""
    started = time.monotonic()
    problem = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        context = harness.Context(binary, folder, shared)
        try:
            check(context)
        except harness.Failure as failure:
            problem = str(failure)
        except Exception:
            problem = traceback.format_exc()
        finally:
            context.cleanups.close()
    return check, time.monotonic() - started, problem


def report(check, seconds, problem):
    print(f"{'FAILED' if problem else 'ok    '} {name_of(check)} ({seconds:.1f} s)", flush=True)
    if problem:
        print(f"       rule: {' '.join(check.__doc__.split())}")
        print("       " + problem.strip().replace("\n", "\n       "), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("-k", action="append", default=[], help="part of the name of a check; can be repeated")
    parser.add_argument("-j", type=int, default=max(4, 2 * (os.cpu_count() or 1)), help="checks at the same time")
    parser.add_argument("--list", action="store_true", help="print the checks and their rules")
    options = parser.parse_args()
    for module in MODULES:
        importlib.import_module(module)
    chosen = [check for check in harness.CHECKS
              if not options.k or any(part in name_of(check) for part in options.k)]
    if options.list:
        for check in chosen:
            print(f"{name_of(check)}: {' '.join(check.__doc__.split())}")
        return 0
    if not chosen:
        parser.error("no check has such a name")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The command line derives its name from the file.
        link = pathlib.Path(folder) / "stepwell"
        link.symlink_to(os.path.abspath(options.binary))
        shared = harness.Shared(str(link), folder)
        failed = 0
        try:
            with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
                running = [pool.submit(run, check, str(link), shared) for check in chosen]
                for done in concurrent.futures.as_completed(running):
                    check, seconds, problem = done.result()
                    report(check, seconds, problem)
                    failed += problem is not None
        finally:
            shared.server.stop()
    print(f"{len(chosen) - failed} of {len(chosen)} checks passed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
