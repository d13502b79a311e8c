"""Checks the OpenAPI document with redocly, and the clients that generators create from it.

The section "Generated clients" of docs/clients.md is run as printed: its commands generate clients, its
programs use them, and each program prints the same.
Usage: generated.py BINARY FOLDER VENV NODE_MODULES
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "clients.md"
PROGRAM = re.compile(r"(?:#|//) (\S+\.(?:py|ts))\n")


def run(command, folder, variables):
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def lint(folder, variables):
    """No error, no warning, and no exception that is not needed any more."""
    shutil.copy(HERE / "redocly.yaml", folder)
    shutil.copy(HERE / "redocly-ignore.yaml", folder / ".redocly.lint-ignore.yaml")
    command = ["redocly", "lint", "openapi.json", "--config", "redocly.yaml", "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    found = [problem for problem in report["problems"] if not problem.get("ignored")]
    for problem in found:
        print(f"{problem['ruleId']}: {problem['message']} {problem['location'][0].get('pointer')}", file=sys.stderr)
    exceptions = (HERE / "redocly-ignore.yaml").read_text().count("- '#/")
    ignored = report["totals"]["ignored"]
    if done.returncode != 0 or found or ignored != exceptions:
        sys.exit(f"redocly: {len(found)} findings, {ignored} of {exceptions} exceptions used")
    print("  redocly: no finding")


def blocks():
    """The code blocks of the section, with their languages."""
    (section,) = re.findall(r"^## Generated clients\n(.*?)^## ", PAGE.read_text(), re.M | re.S)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.M | re.S)


def check_versions(install):
    """The page names the versions that are tested."""
    versions = (HERE.parent / "versions.sh").read_text()
    packages = json.loads((HERE / "package.json").read_text())["devDependencies"]
    for package, version in re.findall(r'([\w-]+)(?:\[\w+\])?(?:==|@)([\d.]+)', install):
        name = package.replace("-", "_")
        expected = packages.get(package) or re.search(rf"^{name}=(.*)$", versions, re.M)[1]
        if version != expected:
            sys.exit(f"docs/clients.md names {package} {version}; {expected} is tested")


def compact(text):
    return re.sub(r"[ \t]", "", text).strip()


def main():
    binary, folder, venv, modules = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    path = [binary.parent, venv / "bin", modules / ".bin", os.environ["PATH"]]
    variables = {**os.environ, "PATH": os.pathsep.join(map(str, path)), "NO_PROXY": "127.0.0.1"}
    found = blocks()
    check_versions("".join(text for language, text in found if language == "console"))
    (expected,) = [compact(text) for language, text in found if language == "text"]
    for language, text in found:
        if program := PROGRAM.match(text):
            (folder / program[1]).write_text(text)
    scripts = [text for language, text in found if language == "sh"]
    run(["sh", "-euc", scripts[0]], folder, variables)
    lint(folder, variables)
    server = Server(str(binary), folder)
    try:
        variables |= {"STEPWELL_URL": server.url, "STEPWELL_API_KEY": server.key}
        for script in scripts[1:]:
            *generate, program = script.strip().splitlines()
            run(["sh", "-euc", "\n".join(generate)], folder, variables)
            printed = compact(run(["sh", "-euc", program], folder, variables))
            if printed != expected:
                sys.exit(f"{program} printed\n{printed}\ninstead of\n{expected}")
            print(f"  {generate[0].split()[0]}: {program.split()[-1]} is correct")
    finally:
        server.process.terminate()
        server.process.wait()
    shutil.rmtree(folder)


main()
