"""scripts/bench measures: tiny runs of the binary under test, whose figures only have to be there."""

import json
import os
import subprocess

import pytest

import daemon
from conftest import ROOT

COUNT = 3000


def bench(*arguments, seconds=120):
    folder = os.path.dirname(daemon.binary())
    command = [os.path.join(ROOT, "scripts", "bench"), "--no-build", "--build", folder, "--quick"]
    done = subprocess.run(
        [*command, "--records", str(COUNT), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def check_figures(result, name):
    assert result["scenario"] == name
    assert result["cpu_us_per_record"] >= 0 and result["rss_mb"] > 1 and result["records_per_s"] > 0
    assert 0 < result["requests"] <= result["records"]
    assert result["out_of_order"] == 0
    assert result["machine"] and result["revision"]


def test_one_line_of_json_for_each_scenario():
    rtt, latency, limited = map(json.loads, bench("--json", "rtt", "latency", "limited"))
    check_figures(rtt, "rtt")
    assert rtt["records"] == COUNT and rtt["kafka"] == "mock"
    check_figures(latency, "latency")
    assert latency["records"] == 3000, "three seconds of 1,000 records"
    assert 0 < latency["p50_ms"] <= latency["p99_ms"]
    check_figures(limited, "limited")
    assert limited["records"] == 2850, "the channel over its rate is not counted"
    assert 0 < limited["p50_ms"] <= limited["p99_ms"]


def test_a_real_broker_and_a_table_with_its_columns_in_line(real_bootstrap):
    lines = bench("--kafka", real_bootstrap, "--runs", "2", "static", "template")
    assert real_bootstrap in lines[1] and f"{COUNT:,} records" in lines[1]
    head, *rows = lines[2:]
    assert [row.split()[0] for row in rows] == ["static", "template"]
    end = head.index("records/s") + len("records/s")
    for row in rows:
        assert row[end - 1].isdigit() and row[end] == " ", row


@pytest.mark.long
def test_another_revision_is_built_and_run_in_turn():
    # So many that they can't all have come by the first look: no rate would be known.
    records = 200000
    (line,) = map(json.loads, bench("--json", "--compare", "HEAD", "--records", str(records), "static", seconds=600))
    check_figures(line, "static")
    assert line["compared"]["records"] == records
    assert line["compared"]["revision"] != line["revision"]
    middle, least, most = line["ratio"]["records_per_s"]
    assert 0 < least <= middle <= most
