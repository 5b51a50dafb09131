"""The figures of ``stats``."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.stats_figures import COLUMNS, cpu_percent, memory_used, stats_row


def cpu(total: int, system: int, processors: int = 2) -> dict[str, Any]:
    return {"cpu_usage": {"total_usage": total}, "system_cpu_usage": system, "online_cpus": processors}


def shown(sample: dict[str, Any] | None, *, valid: bool = True) -> list[object]:
    row = stats_row("web", sample, truncate=True, valid=valid)
    return [row.column(column) for column in COLUMNS]


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        (cpu(0, 0), cpu(500, 1000), 100.0),
        (cpu(100, 1000, 4), cpu(1100, 2000, 4), 400.0),
        (cpu(500, 1000), cpu(500, 2000), 0.0),
        (cpu(500, 1000), cpu(400, 2000), 0.0),  # another container of that name
        (cpu(0, 1000), cpu(500, 1000), 0.0),
        ({}, cpu(500, 1000), 100.0),
        ({}, {}, 0.0),
    ],
)
def test_the_share_of_a_processor(before: dict[str, Any], now: dict[str, Any], percent: float) -> None:
    assert cpu_percent({"cpu_stats": now, "precpu_stats": before}) == percent


def test_older_engines_list_the_processors() -> None:
    now = {"cpu_usage": {"total_usage": 500, "percpu_usage": [1, 2, 3]}, "system_cpu_usage": 1000}
    assert cpu_percent({"cpu_stats": now, "precpu_stats": {}}) == 150.0


@pytest.mark.parametrize(
    ("stats", "used"),
    [
        ({"total_inactive_file": 30, "inactive_file": 10}, 70),
        ({"inactive_file": 10}, 90),
        ({"inactive_file": 200}, 100),
        ({"total_inactive_file": 200, "inactive_file": 10}, 90),
        ({}, 100),
    ],
)
def test_the_page_cache_is_not_counted(stats: dict[str, int], used: int) -> None:
    assert memory_used({"usage": 100, "stats": stats}) == used


def test_a_row() -> None:
    sample = {
        "id": "c" * 64,
        "name": "/web",
        "cpu_stats": cpu(500, 1000),
        "precpu_stats": cpu(0, 0),
        "memory_stats": {"usage": 1 << 20, "limit": 4 << 20},
        "networks": {
            "eth0": {"rx_bytes": 1000, "tx_bytes": 5},
            "eth1": {"rx_bytes": 500, "tx_bytes": 0},
        },
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 10},
                {"op": "write", "value": 7},
                {"op": "Total", "value": 17},
            ]
        },
        "pids_stats": {"current": 3},
    }
    assert shown(sample) == [
        "c" * 12,
        "web",
        "100.00%",
        "1MiB / 4MiB",
        "25.00%",
        "1.5kB / 5B",
        "10B / 7B",
        "3",
    ]


def test_a_container_that_sent_nothing_yet_has_dashes() -> None:
    assert shown(None, valid=False) == ["", "--", "--", "-- / --", "--", "--", "--", "--"]


_COUNTS = st.integers(0, 1 << 62)
_MISSING = st.one_of(st.none(), _COUNTS)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "cpu_stats": st.none() | st.builds(cpu, _COUNTS, _COUNTS, st.integers(0, 512)),
            "precpu_stats": st.none() | st.builds(cpu, _COUNTS, _COUNTS),
            "memory_stats": st.none()
            | st.fixed_dictionaries({}, optional={"usage": _MISSING, "limit": _MISSING}),
            "networks": st.none() | st.just({}),
            "blkio_stats": st.none() | st.just({"io_service_bytes_recursive": None}),
            "pids_stats": st.none() | st.fixed_dictionaries({}, optional={"current": _MISSING}),
        },
    )
)
def test_whatever_an_engine_leaves_out_there_is_a_row(sample: dict[str, Any]) -> None:
    assert cpu_percent(sample) >= 0
    assert all(isinstance(text, str) for text in shown(sample))
