"""Every PromQL expression of the dashboards and alert rules finds data, in a real Prometheus that scrapes the
real Collector of a stack in which a fault was injected and healed.

The stack asks a language model (a scripted one, whose answers are refused) and tells people on two channels,
of which one leads nowhere, so that what the dashboards show of these is there too. What such a run cannot
bring about stands in `rare_telemetry`.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from dashboard_queries import Asked, asked
from prometheus_server import Prometheus
from prometheus_server import running as running_prometheus
from rare_telemetry import RARE, tell
from real_collector import collector_binary
from running_stack import warm_stack
from scripted_llm import scripted_server

from responder.incident_record import IncidentRecord

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

EXPRESSIONS = [one for one in asked() if one.language == "promql"]
OF_RARE = [one for one in EXPRESSIONS if any(name in one.text for name in RARE)]
PATIENCE_S = 60
STEP_S = 2
CHANNELS = """
version: 1
timeout_s: 1
give_up_after_s: 3
channels:
  - {name: log, log: true, states: [RESOLVED]}
  - {name: deaf, url_from: DEAF_URL, states: [RESOLVED]}
"""


@dataclass(frozen=True)
class Run:
    """What a stack has told Prometheus since `began`, by a Collector at `endpoint`; what it healed."""

    prometheus: Prometheus
    endpoint: str
    record: IncidentRecord
    began: float

    def silent(self, expressions: list[Asked]) -> list[str]:
        """Those that find nothing, however long one waits."""
        deadline = time.monotonic() + PATIENCE_S
        while expressions and time.monotonic() < deadline:
            expressions = [one for one in expressions if not self.found(one)]
            time.sleep(1)
        return [str(one) for one in expressions]

    def found(self, one: Asked) -> bool:
        """Whether the expression has had a number since then."""
        text = one.filled(
            {
                "__rate_interval": "20s",
                "__range": "2m",
                "__interval": "1m",
                "__tags": 'service_name="buggy-app"',
                "service": ".+",
                "signal": ".+",
                "series": ".+",
                "incident": self.record.incident.id,
            }
        )
        answered = self.prometheus.over(text, self.began, time.time(), STEP_S)
        return any(math.isfinite(value) for series in answered for value in series)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    directory = tmp_path_factory.mktemp("p")
    channels = directory / "channels.yaml"
    channels.write_text(CHANNELS)
    with pytest.MonkeyPatch.context() as environment, scripted_server("I do not know.") as model:
        environment.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
        environment.setenv("DIAGNOSIS_PROVIDERS", "ollama,offline")
        environment.setenv("OLLAMA_BASE_URL", model.url)
        environment.setenv("AEGISOPS_RESPONDER_NOTIFICATIONS", str(channels))
        environment.setenv("DEAF_URL", "json://127.0.0.1:9/")
        began = time.time()
        with warm_stack(directory / "s", collector_binary()) as stack:
            settings = stack.stack.settings
            targets = {
                "collector": f"127.0.0.1:{settings.collector_prometheus_port}",
                "otelcol": f"127.0.0.1:{settings.collector_metrics_port}",
            }
            with running_prometheus(directory, targets) as prometheus:
                *_, result = stack.demo.run(["db_connection_pool", "disk_space"])
                assert result.problem is None, result
                assert result.incident_id is not None
                record = stack.demo.view.record(result.incident_id)
                yield Run(prometheus, settings.otlp_endpoint, record, began)


def test_every_expression_finds_data(run: Run) -> None:
    """Those that look for silence find it in the time before Prometheus ran."""
    silent = run.silent([one for one in EXPRESSIONS if one not in OF_RARE])
    assert silent == [], "\n".join(silent)


def test_what_a_short_run_cannot_bring_about_is_found_once_it_is_told(run: Run) -> None:
    tell(run.endpoint, run.record.incident)
    assert OF_RARE
    silent = run.silent(OF_RARE)
    assert silent == [], "\n".join(silent)
