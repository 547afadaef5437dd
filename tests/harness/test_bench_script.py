"""scripts/bench: what it is told, and what it makes of its runs. That it measures at all: e2e/test_bench.py."""

import importlib.machinery
import importlib.util
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "bench")


def load_bench():
    loader = importlib.machinery.SourceFileLoader("bench", SCRIPT)
    loader.set_data = lambda *rest, **more: None  # no compiled file beside the script
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


bench = load_bench()


def test_what_is_measured_unless_told_otherwise():
    options = bench.parse_options([])
    assert options.scenarios == list(bench.SCENARIOS)
    assert (options.runs, options.records, options.seconds) == (3, 1_000_000, 10)
    assert (options.kafka, options.compare, options.json) == ("mock", None, False)


def test_quick_is_less_and_what_is_said_wins():
    assert bench.parse_options(["--quick"]).scenarios == ["static", "fanout", "template", "rtt", "latency"]
    options = bench.parse_options(["--quick", "rtt"])
    assert (options.runs, options.records, options.seconds, options.scenarios) == (1, 300_000, 3, ["rtt"])
    options = bench.parse_options(["--quick", "--runs", "5", "--records", "7", "--kafka", "127.0.0.1:9092"])
    assert (options.runs, options.records, options.kafka) == (5, 7, "127.0.0.1:9092")


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["rrt"], "unknown scenario rrt; there are: " + ", ".join(bench.SCENARIOS)),
        (["--kafka", "rael"], "expected mock, real or HOST:PORT"),
        (["--runs", "0"], "at least 1"),
        (["--records", "0"], "at least 1"),
        (["--records", "many"], "many"),
        (["--compair", "HEAD"], "--compair"),
    ],
)
def test_a_wrong_word_ends_it_before_anything_is_built(arguments, complaint):
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr
    assert "building" not in done.stderr


def test_an_unknown_revision_is_no_revision(tmp_path):
    with pytest.raises(SystemExit, match="no-such-branch: git knows no such revision"):
        bench.other_revision("no-such-branch", tmp_path)


def run(rate, cpu=2.0, out_of_order=0, p50=1.0):
    return {
        "records": 100,
        "requests": 3,
        "records_per_s": rate,
        "cpu_us_per_record": cpu,
        "rss_mb": 10.0,
        "out_of_order": out_of_order,
        "p50_ms": p50,
        "p99_ms": 0.0,
    }


def test_medians_spread_and_no_disorder_forgotten():
    made = bench.summary([run(1000, 3.0), run(4000, 1.0, out_of_order=2), run(2000, 2.0, out_of_order=1)])
    assert (made["records_per_s"], made["cpu_us_per_record"], made["runs"]) == (2000, 2.0, 3)
    assert made["spread_percent"] == 150.0
    assert made["out_of_order"] == 3


def test_ratios_are_of_pairs_taken_in_turn():
    these, others = [run(100), run(300), run(500)], [run(100), run(200), run(250)]
    found = bench.ratios(these, others)
    assert found["records_per_s"] == [1.5, 1.0, 2.0]
    assert found["cpu_us_per_record"] == [1.0, 1.0, 1.0]
    assert "p99_ms" not in found, "no figure, no ratio"


def test_pairs_change_their_order_so_that_a_drift_favours_none(monkeypatch):
    taken = []

    class Kafkas:
        def of(self, scenario):
            return None

    monkeypatch.setattr(bench, "run", lambda program, *rest: taken.append(program) or run(1))
    options = bench.parse_options(["--runs", "3"])
    runs = bench.scenario_results("static", [("new", "a"), ("old", "b")], Kafkas(), options)
    assert taken == ["a", "b", "b", "a", "a", "b"]
    assert [len(runs[name]) for name in ("new", "old")] == [3, 3]
