"""The real `ably` SDK as a judge: what it reads back from the local Ably."""

import json
import os
import shutil
import subprocess

import pytest

NPM = os.path.join(os.environ.get("KABLY_CACHE", os.path.expanduser("~/.cache/kably")), "npm", "node_modules")
HERE = os.path.dirname(os.path.abspath(__file__))


def read(ably, channels, binary=False):
    """{channel: messages, oldest first}; `channels` maps a name to its cipher key in base64, or None."""
    if not (shutil.which("node") and os.path.isdir(os.path.join(NPM, "ably"))):
        pytest.skip("no node, or no npm package ably: scripts/setup --tests installs it where npm is")
    asked = {
        "host": ably.host,
        "port": ably.port,
        "key": ably.key,
        "binary": binary,
        "channels": [{"name": name, "cipher": cipher} for name, cipher in channels.items()],
    }
    done = subprocess.run(
        ["node", os.path.join(HERE, "ably_read.js"), json.dumps(asked)],
        env={**os.environ, "NODE_PATH": NPM},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
