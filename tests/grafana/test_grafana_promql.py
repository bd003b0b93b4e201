"""Prometheus itself takes every PromQL expression. That they find data is seen in a running stack."""

from pathlib import Path

import pytest
from dashboard_queries import asked
from prometheus_server import running

FILLED = {
    "__rate_interval": "1m",
    "__range": "1h",
    "__interval": "1h",
    "__tags": 'service_name="x"',
    "service": ".+",
    "signal": ".+",
    "series": ".+",
    "incident": "INC-0",
}


def test_prometheus_takes_every_expression(tmp_path: Path) -> None:
    with running(tmp_path, {}) as prometheus:
        for one in asked():
            if one.language == "promql":
                assert isinstance(prometheus.query(one.filled(FILLED)), list)
        with pytest.raises(AssertionError, match="parse error"):
            prometheus.query("sum(")
