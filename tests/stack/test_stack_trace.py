"""An incident is one trace, from detection to learning, across both processes."""

import pytest
from otlp_sink import OtlpSink, Span
from running_stack import Running

from aegisops.demo.watch import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

STAGES = ["analyse", "council", "execute", "learn", "verify"]


def test_an_incident_is_one_trace_from_detection_to_learning(
    running: Running, own_telemetry: OtlpSink
) -> None:
    (result,) = running.demo.run(["disk_space"])

    def spans(*names: str) -> list[Span]:
        return [s for s in own_telemetry.spans if s.trace_id == result.trace_id and s.name in names]

    wait_until(lambda: bool(spans("learn")), 15, lambda: "the last stage's span was not exported")
    (detect,) = spans("detect")
    assert detect.parent_id == ""
    assert detect.resource["service.name"] == "aegisops-detector"
    assert detect.attributes["aegisops.incident.id"] == result.incident_id
    stages = sorted(spans(*STAGES), key=lambda span: span.name)
    assert [span.name for span in stages] == STAGES
    assert {span.parent_id for span in stages} == {detect.span_id}
    assert {span.resource["service.name"] for span in stages} == {"aegisops-responder"}
    (council,) = spans("council")
    votes = spans("vote auditor", "vote security_officer", "vote sre_lead")
    assert len(votes) == 3
    assert {span.parent_id for span in votes} == {council.span_id}
