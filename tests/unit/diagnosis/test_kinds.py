"""Metric names: kind, direction and view are read from words and units."""

from __future__ import annotations

import pytest

from autoheal.diagnosis.kinds import Kind, meaning_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("http_request_duration_seconds:p95", Kind.LATENCY),
        ("http_requests_total:error_ratio", Kind.ERROR),
        ("http_requests_total:rate", Kind.LOAD),
        ("availability_Average", Kind.ERROR),
        ("CpuUsageRate(%)", Kind.CPU),
        ("process_cpu_seconds_total:rate", Kind.CPU),
        ("process_resident_memory_bytes", Kind.MEMORY),
        ("container-cpu-cfs-throttled-seconds", Kind.THROTTLING),
        ("db_pool_in_use", Kind.SATURATION),
        ("pg_locks_waiting", Kind.LOCK),
        ("queue-oldest-message-age-seconds", Kind.QUEUE),
        ("process_start_time_seconds", Kind.CRASH),
        ("up", Kind.CRASH),
        ("NetworkReceiveBytes", Kind.NETWORK),
        ("pg_stat_user_tables_seq_scan", Kind.DISK),
        ("latency-90", Kind.LATENCY),
        ("flux", Kind.OTHER),
    ],
)
def test_the_kind_is_read_from_the_name(name: str, kind: Kind) -> None:
    assert meaning_of(name).kind is kind


def test_success_and_liveness_hurt_when_they_fall() -> None:
    assert meaning_of("PodSuccessRate(%)").falling_is_bad
    assert meaning_of("up").falling_is_bad
    assert not meaning_of("http-5xx-ratio").falling_is_bad


def test_a_client_s_view_is_outgoing_unless_it_is_of_one_edge() -> None:
    assert meaning_of("PodClientLatencyP90(s)").outgoing
    assert not meaning_of("client_latency_p50{caller=web}").outgoing


def test_a_share_has_a_ceiling() -> None:
    assert meaning_of("disk-used-pct").ceiling == 100.0
    assert meaning_of("http-5xx-ratio").ceiling == 1.0
    assert meaning_of("requests").ceiling == 0.0
