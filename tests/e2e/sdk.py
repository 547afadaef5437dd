"""The real `ably` SDK as a judge: what it reads back from the local Ably."""

import json
import os
import shutil
import subprocess

import pytest

NPM = os.path.join(os.environ.get("KABLY_CACHE", os.path.expanduser("~/.cache/kably")), "npm", "node_modules")
HERE = os.path.dirname(os.path.abspath(__file__))


def node(script, *arguments, needs="ably", text="", seconds=60):
    """What a script beside this file prints, from JSON; `text` is its input, `needs` the npm package it stands on."""
    if not (shutil.which("node") and os.path.isdir(os.path.join(NPM, *needs.split("/")))):
        pytest.skip(f"no node, or no npm package {needs}: scripts/setup --tests installs it where npm is")
    done = subprocess.run(
        ["node", os.path.join(HERE, script), *arguments],
        env={**os.environ, "NODE_PATH": NPM},
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def read(ably, channels, binary=False):
    """{channel: messages, oldest first}; `channels` maps a name to its cipher key in base64, or None."""
    asked = {
        "host": ably.host,
        "port": ably.port,
        "key": ably.key,
        "binary": binary,
        "channels": [{"name": name, "cipher": cipher} for name, cipher in channels.items()],
    }
    return node("ably_read.js", json.dumps(asked))
