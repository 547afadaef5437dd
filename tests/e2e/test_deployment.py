"""The files that people deploy from are right: kably takes each configuration among them, without a warning."""

import os
import re
import shutil
import subprocess
import textwrap

import pytest

import daemon
from conftest import ROOT

ENV = {"ABLY_API_KEY": "app.keyid:secret", "KABLY_ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def in_manifest():
    return textwrap.dedent(re.search(r"kably\.lua: \|\n((?:    .*\n)+)", text_of("docker", "kubernetes.yaml"))[1])


@pytest.mark.parametrize("text", [text_of("docker", "kably.lua"), in_manifest()], ids=["compose", "kubernetes"])
def test_the_configuration_is_good(tmp_path, text):
    file = tmp_path / "kably.lua"
    file.write_text(text)
    done = daemon.command("check", file, env=ENV)
    assert done.returncode == 0 and "0 warnings" in done.stdout, done.stdout + done.stderr


def test_health_checks_ask_where_kably_listens():
    """Docker asks `kably status` at its default address, Kubernetes the port that the manifest names."""
    compose = text_of("docker", "compose.yaml")
    assert "127.0.0.1:8088:8088" in compose and ":8088" in text_of("docker", "kably.lua")
    assert "containerPort: 8088" in text_of("docker", "kubernetes.yaml") and "0.0.0.0:8088" in in_manifest()
    token = re.search(r"KABLY_ADMIN_TOKEN: (\S+)", compose)[1]
    assert len(token) >= 16
    port = re.search(r"--ably-port, \"(\d+)\"", compose)[1]
    assert f"port = {port}," in text_of("docker", "kably.lua")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "kably.service"
    unit.write_text(text_of("config", "kably.service").replace("=kably ", f"={daemon.binary()} "))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "kably.service" not in done.stderr, done.stderr
