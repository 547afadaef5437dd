"""Container images without a container engine's daemon and without an image registry: buildah builds, podman with runc
runs, and the base images are made by debootstrap from Debian's archive, once, as root. All of it lives in
${KABLY_CACHE:-~/.cache/kably}/containers, and nothing of the machine's own containers is touched."""

import fcntl
import glob
import json
import os
import shutil
import subprocess
import tempfile

from waiting import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("KABLY_CACHE", os.path.expanduser("~/.cache/kably"))
SETTINGS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
# What apt needs here to reach its archive is lent to builds, read-only.
APT_SETTINGS = "/etc/apt/apt.conf.d"
NOT_IN_SLIM = ["var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*"]
NOT_IN_SLIM += [f"usr/share/{part}/*" for part in ("doc", "man", "locale", "info", "lintian")]


def call(*command, seconds=600, check=True, **more):
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        **more,
    )
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}"[-6000:]
    return done


class Engine:
    def __init__(self):
        call(os.path.join(ROOT, "scripts", "setup"), "--containers")
        self.folder = os.path.join(CACHE, "containers")
        os.makedirs(self.folder, exist_ok=True)
        settings = os.path.join(self.folder, "containers.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(SETTINGS)
        self.env = {**os.environ, "CONTAINERS_CONF": settings, "BUILDAH_ISOLATION": "chroot"}
        self.storage = ["--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/run"]
        self.storage += ["--storage-driver", "vfs"]

    def buildah(self, *arguments, **more):
        return call("buildah", *self.storage, *arguments, env=self.env, **more).stdout.strip()

    def podman(self, *arguments, **more):
        return call("podman", *self.storage, *arguments, env=self.env, **more)

    def base(self, suite):
        """Debian as docker.io/library/debian:SUITE-slim would have it, more or less: that is what it gets called."""
        name = f"docker.io/library/debian:{suite}-slim"
        with open(os.path.join(self.folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.buildah("images", "--quiet", "--filter", f"reference={name}"):
                return name
            with tempfile.TemporaryDirectory() as rootfs:
                call("debootstrap", "--variant=minbase", suite, rootfs)
                for pattern in NOT_IN_SLIM:
                    for path in glob.glob(os.path.join(rootfs, pattern)):
                        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
                container = self.buildah("from", "scratch")
                self.buildah("add", container, rootfs, "/")
                self.buildah("commit", "--rm", container, name)
        return name

    def build(self, name, *arguments):
        """The image of docker/Dockerfile."""
        self.buildah(
            *("bud", "--isolation", "chroot", "--pull-never", "--format", "docker", "--tag", name),
            *("--file", os.path.join(ROOT, "docker", "Dockerfile"), f"--volume={APT_SETTINGS}:{APT_SETTINGS}:ro"),
            *(*arguments, ROOT),
        )

    def inspect(self, image):
        return json.loads(self.podman("image", "inspect", image).stdout)[0]

    def run(self, image, *command, options=(), **more):
        """Runs it to its end: the completed process."""
        return self.podman("run", "--rm", "--no-healthcheck", *options, image, *command, check=False, **more)

    def start(self, image, *command, options=()):
        arguments = ["run", "--detach", "--no-healthcheck", *options, image, *command]
        return Container(self, self.podman(*arguments).stdout.strip())


class Container:
    """One that runs; remove() it at the end."""

    def __init__(self, engine, number):
        self.engine, self.id = engine, number

    def running(self):
        return self.engine.podman("inspect", "--format", "{{.State.Running}}", self.id).stdout.strip() == "true"

    def logs(self):
        done = self.engine.podman("logs", self.id)
        return done.stdout + done.stderr

    def wait_log(self, text, seconds=30):
        until(lambda: text in self.logs(), seconds, lambda: f"{text!r} in its log: {self.logs()[-3000:]}")

    def exec(self, *command):
        return self.engine.podman("exec", self.id, *command, check=False)

    def signal(self, name):
        self.engine.podman("kill", "--signal", name, self.id)

    def stop(self):
        """As `docker stop` does it; gives the exit code."""
        self.engine.podman("stop", "--time", "15", self.id)
        return int(self.engine.podman("inspect", "--format", "{{.State.ExitCode}}", self.id).stdout)

    def remove(self):
        self.engine.podman("rm", "--force", "--time", "0", self.id)
