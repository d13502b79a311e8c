"""Builds the image of examples/deployment/Dockerfile with buildah and runs it as its configuration says:
as its user, on a read-only root file system, with a volume.

The base images come from a registry, which the tests must not need: folders with the programs that the
Dockerfile runs replace them, and `cargo` copies the binary under test.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "examples" / "deployment" / "Dockerfile"
START_SECONDS = 60
CARGO = """#!/bin/sh
[ "$*" = "build --locked --profile dist --bin stepwell" ] || exit 1
mkdir -p target/dist && cp /usr/bin/stepwell-under-test target/dist/stepwell
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, (command, done.stdout + done.stderr)
    return done.stdout.strip()


class Storage:
    """Images in a folder of their own."""

    def __init__(self, folder):
        self.options = ["--root", str(folder / "store"), "--runroot", str(folder / "run"),
                        "--storage-driver", "vfs"]

    def buildah(self, *arguments):
        return run("buildah", *self.options, *arguments)

    def add_image(self, name, root):
        container = self.buildah("from", "scratch")
        self.buildah("copy", "--quiet", container, str(root), "/")
        self.buildah("commit", "--quiet", container, name)


def copy_programs(root, programs):
    """Programs of this machine with their libraries."""
    for folder in ["usr/bin", "tmp", "etc"]:
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    for program in programs:
        file = shutil.which(program) or program
        shutil.copy(file, root / "usr/bin" / pathlib.Path(file).name)
        for word in run("ldd", file).split():
            if word.startswith("/"):
                library = root / word.lstrip("/")
                library.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(word, library)


def base_images():
    lines = DOCKERFILE.read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("FROM ")]


def check_context(folder):
    """The Dockerfile copies what cargo needs: every member of the workspace."""
    context = folder / "context"
    for line in DOCKERFILE.read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                to = context / target / source if target.endswith("/") else context / target
                copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copy
                to.parent.mkdir(parents=True, exist_ok=True)
                copy(REPOSITORY / source, to)
    run("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1", cwd=context)


def build_image(binary, folder):
    """Returns the root of the image's file system and its configuration."""
    storage = Storage(folder)
    build, runtime = base_images()
    for name, programs in [(build, ["sh", "mkdir", "cp"]), (runtime, ["sh", "install", binary])]:
        root = folder / name.split(":")[0]
        copy_programs(root, programs)
        if name == build:
            (root / "usr/bin/cargo").write_text(CARGO)
            (root / "usr/bin/cargo").chmod(0o755)
            shutil.copy(binary, root / "usr/bin/stepwell-under-test")
        else:
            # Only its libraries are part of the base.
            (root / "usr/bin" / pathlib.Path(binary).name).unlink()
        storage.add_image(f"docker.io/library/{name}", root)
    storage.buildah("build", "--isolation", "chroot", "--pull=never", "--format", "docker",
                    "--tag", "localhost/stepwell", "--file", str(DOCKERFILE), str(REPOSITORY))
    container = storage.buildah("from", "--pull-never", "localhost/stepwell")
    config = json.loads(storage.buildah("inspect", container))["Docker"]["config"]
    return storage.buildah("mount", container), config


class Container:
    """The image's process, with a folder as the volume. `exec` is what `docker exec` does."""

    def __init__(self, root, config, volume):
        self.root, self.config, self.volume = root, config, volume
        # A new volume gets the content and the owner of the image's folder.
        (place,) = config["Volumes"]
        folder = pathlib.Path(root + place)
        state = folder.stat()
        volume.mkdir(mode=state.st_mode & 0o777)
        os.chown(volume, state.st_uid, state.st_gid)
        mounts = (f"mount --bind {root} {root} && mount -o remount,ro,bind {root} && "
                  f"mount --bind {volume} {folder} && mount -t proc proc {root}/proc && exec \"$@\"")
        self.log = (volume.parent / "container.log").open("w")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mounts, "sh", *self.chroot(*config["Entrypoint"], *config["Cmd"])],
            stderr=self.log, env=self.variables(), cwd="/")

    def variables(self):
        return {**dict(pair.split("=", 1) for pair in self.config["Env"]), "STEPWELL__SERVER__PORT": "0"}

    def chroot(self, *command):
        enter = f"cd {self.config['WorkingDir']} && exec \"$@\""
        return ["chroot", f"--userspec={self.config['User']}", self.root, "sh", "-c", enter, "sh", *command]

    def exec(self, *command):
        enter = ["nsenter", "--target", str(self.process.pid), "--mount"]
        return subprocess.run([*enter, *self.chroot(*command)], capture_output=True, text=True,
                              env=self.variables(), check=False)

    def wait_until_healthy(self):
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD", kind
        deadline = time.monotonic() + START_SECONDS
        while (check := self.exec(*command)).returncode != 0:
            ended = self.process.poll() is not None or time.monotonic() > deadline
            assert not ended, (check, (self.volume.parent / "container.log").read_text())
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=START_SECONDS)


def check_container(binary, folder):
    check_context(folder)
    root, config = build_image(binary, folder)
    container = Container(root, config, folder / "volume")
    with contextlib.ExitStack() as stack:
        stack.callback(container.process.kill)
        container.wait_until_healthy()
        status = pathlib.Path(f"/proc/{container.process.pid}/status").read_text()
        assert "\nUid:\t10001\t10001\t10001\t10001" in status, status
        assert "\nCapEff:\t0000000000000000" in status, status
        refused = container.exec("sh", "-c", "echo > /written")
        assert "Read-only file system" in refused.stderr or "cannot create" in refused.stderr, refused
        definition = '{"name": "hello", "steps": [{"type": "Echo", "input": "from a container"}]}'
        script = f"echo '{definition}' > hello.json && stepwell apply hello.json && stepwell execute hello --wait"
        executed = container.exec("sh", "-c", script)
        assert executed.returncode == 0 and "from a container" in executed.stdout, executed
        backup = container.exec("stepwell", "backup", "backup.db")
        assert backup.returncode == 0 and (container.volume / "backup.db").stat().st_size > 0, backup
        # Only the image's user can read the data.
        assert container.volume.stat().st_mode & 0o077 == 0
        assert container.stop() == 0, "an orderly stop"
    print("  container: the image is built, runs without privileges on a read-only root, and is healthy")
