"""The real Collector for tests: its program, and what it tells in Prometheus' text format.

`AEGISOPS_TEST_COLLECTOR` says where the program is (`make collector` builds it). Without it tests are
skipped, and fail where `CI` is true.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

VARIABLE = "AEGISOPS_TEST_COLLECTOR"


def collector_binary() -> Path:
    """The Collector's program; without one the test is skipped, or fails in CI."""
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    reason = f"needs the real Collector: build it with `make collector` and set {VARIABLE} to the program"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def scraped(url: str) -> Iterator[Sample]:
    """Every sample that `url` shows to Prometheus."""
    for family in text_string_to_metric_families(httpx.get(url, trust_env=False).text):
        yield from family.samples


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """Sum of the samples of that name that have these labels."""
    wanted = labels.items()
    return sum(sample.value for sample in samples if sample.name == name and wanted <= sample.labels.items())
