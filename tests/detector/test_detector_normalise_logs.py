"""Logs: rates by severity, error notices, templates without secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from normalised import Bench
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from otlp_requests import T0, gauge, log_record, logs_request, metrics_request

from detector.normalise import Normaliser
from detector.normalise.log_templates import LogTemplates
from detector.normalise.logs import MAX_WARNINGS
from detector.normalise.redaction import redacted, without_variables
from detector.series import LogNotice, SeriesRegistry, ServiceId

WARN, ERROR, FATAL = 13, 17, 21
SHOP = ServiceId("", "shop")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def notices(bench: Bench, *records: LogRecord, at: float = T0) -> list[LogNotice]:
    return list(bench.normaliser.logs(logs_request(*records), at).logs)


def rate(name: str) -> str:
    return f"log.records{{severity={name}}}:count_rate"


def test_records_are_counted_by_severity(bench: Bench) -> None:
    records = [log_record("x", T0, severity=number) for number in (1, 5, 9, 9, 13, 17, 21)]
    notices(bench, *records)
    assert bench.flush(T0 + 1) == {
        rate("trace"): [1.0],
        rate("debug"): [1.0],
        rate("info"): [2.0],
        rate("warn"): [1.0],
        rate("error"): [1.0],
        rate("fatal"): [1.0],
    }


def test_a_severity_given_only_as_text_is_understood(bench: Bench) -> None:
    sent = ["CRITICAL", "warning", "nonsense", ""]
    found = notices(bench, *(log_record("x", T0, severity=0, text=text) for text in sent))
    assert [notice.severity for notice in found] == [FATAL, WARN]
    flushed = bench.flush(T0 + 1)
    assert (flushed[rate("warn")], flushed[rate("unspecified")]) == ([1.0], [2.0])


def test_errors_have_a_rate_of_zero_before_the_first_one(bench: Bench) -> None:
    notices(bench, log_record("hello", T0))
    assert bench.flush(T0 + 1) == {rate("info"): [1.0], rate("error"): [0.0], rate("fatal"): [0.0]}


def test_a_severity_that_falls_silent_is_zero_while_others_go_on(bench: Bench) -> None:
    notices(bench, log_record("hello", T0), log_record("odd", T0, severity=13))
    bench.flush(T0 + 1)
    notices(bench, log_record("hello", T0 + 1.1), at=T0 + 1.1)
    assert bench.flush(T0 + 2)[rate("warn")] == [0.0]


def test_a_service_without_any_log_is_zero_while_its_metrics_come(bench: Bench) -> None:
    notices(bench, log_record("hello", T0))
    bench.flush(T0 + 1)
    for second in range(1, 5):
        bench.metrics(metrics_request(gauge("up", 1, T0 + second)), T0 + second)
    assert bench.flush(T0 + 4)[rate("info")] == [0.0]


def test_a_dead_instance_is_not_called_silent(bench: Bench) -> None:
    notices(bench, log_record("hello", T0))
    bench.flush(T0 + 1)
    assert bench.flush(T0 + 30) == {}


def test_only_warnings_and_worse_are_noticed(bench: Bench) -> None:
    found = notices(
        bench,
        log_record("fine", T0, severity=12),
        log_record("bad", T0 - 1, severity=ERROR, trace_id=b"\x0a" * 16),
    )
    assert len(found) == 1
    notice = found[0]
    assert (notice.service, notice.instance.name, notice.time) == (SHOP, "shop-1", T0 - 1)
    assert (notice.severity, notice.body, notice.trace_id) == (ERROR, "bad", "0a" * 16)


def test_a_template_is_new_once(bench: Bench) -> None:
    def seen(number: int) -> tuple[str, bool]:
        (notice,) = notices(
            bench, log_record(f"order {number} failed after {number}.5 ms", T0, severity=ERROR)
        )
        return notice.template, notice.new

    assert [seen(number) for number in (17, 4711)] == [
        ("order <num> failed after <num> ms", True),
        ("order <num> failed after <num> ms", False),
    ]


def test_each_service_has_templates_of_its_own() -> None:
    templates = LogTemplates(max_templates=10)
    assert templates.of(SHOP, "it broke") == ("it broke", True)
    assert templates.of(ServiceId("", "other"), "it broke") == ("it broke", True)


def test_templates_and_services_are_bounded() -> None:
    templates = LogTemplates(max_templates=3, max_services=2)
    for service in range(4):
        for number in range(20):
            templates.of(ServiceId("", f"s{service}"), " ".join(["word"] * (number + 1)))
    assert templates.of(ServiceId("", "s3"), " ".join(["word"] * 20))[1] is False
    assert templates.of(ServiceId("", "s3"), "word")[1] is True
    assert templates.of(ServiceId("", "s0"), " ".join(["word"] * 20))[1] is True


def test_an_exception_that_is_not_in_the_body_is_added(bench: Bench) -> None:
    exception = {"exception.type": "TimeoutError", "exception.message": "QueuePool limit reached"}
    (added,) = notices(bench, log_record("request failed", T0, severity=ERROR, attributes=exception))
    assert added.body == "request failed [TimeoutError: QueuePool limit reached]"
    body = "TimeoutError: QueuePool limit reached"
    (same,) = notices(bench, log_record(body, T0, severity=ERROR, attributes=exception))
    assert same.body == body


def test_a_body_is_one_line_of_bounded_length_without_control_characters(bench: Bench) -> None:
    body = "first\nsecond\t\x1b[31mred\u202e" + "x" * 10_000
    (notice,) = notices(bench, log_record(body, T0, severity=ERROR))
    assert notice.body.startswith("first second [31mredxxx")
    assert len(notice.body) == 500
    assert notice.template.startswith("first")
    assert "second" not in notice.template


def test_a_structured_body_is_read_as_text(bench: Bench) -> None:
    record = log_record("", T0, severity=ERROR)
    record.body.kvlist_value.values.add(key="event").value.string_value = "refused"
    (notice,) = notices(bench, record)
    assert notice.body == "event=refused"


def test_notices_of_one_request_are_bounded_and_the_rest_counted() -> None:
    registry = SeriesRegistry()
    bench = Bench(Normaliser(registry, max_notices=3), registry)
    assert len(notices(bench, *(log_record("bad", T0, severity=ERROR) for _ in range(10)))) == 3
    assert bench.normaliser.counters["unnoticed_log_records"] == 7
    assert bench.flush(T0 + 1)[rate("error")] == [10.0]


SECRETS = [
    ("login failed: password=hunter2", "hunter2"),
    ('{"password": "hunter2 with blanks", "user": "x"}', "hunter2"),
    ("DB_PASSWORD: hunter2", "hunter2"),
    ("the password is hunter2", "hunter2"),
    ("Authorization: Bearer abc.def-ghi", "abc.def"),
    ("sent bearer abcdefgh12345678", "abcdefgh12345678"),
    ("GET /?api_key=k3y-l0ng&x=1", "k3y"),
    ("x-api-key => 0123abcd", "0123abcd"),
    ("connect postgresql://app:s3cr3t@db:5432/orders", "s3cr3t"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl rejected", "eyJ"),
    ("key AKIAIOSFODNN7EXAMPLE denied", "AKIA"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789 revoked", "ghp_"),
    ("cannot mail jane.doe+x@example.co.uk", "jane"),
    ("card 4111 1111 1111 1111 declined", "1111"),
    ("Set-Cookie: session=abcdef", "abcdef"),
    ("-----BEGIN RSA PRIVATE KEY----- MIIEow", "MIIEow"),
]


@pytest.mark.parametrize(("line", "secret"), SECRETS)
def test_no_secret_stands_in_a_template_or_a_body(bench: Bench, line: str, secret: str) -> None:
    (notice,) = notices(bench, log_record(line, T0, severity=ERROR))
    assert secret not in notice.body
    assert secret not in notice.template


@pytest.mark.parametrize(
    "line",
    [
        "token expired",
        "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        "No space left on device: '/var/lib/app/data'",
        "secret manager unreachable",
        "worker 4711 killed: out of memory",
    ],
)
def test_plain_words_are_left_alone(line: str) -> None:
    assert redacted(line) == line


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("id 123e4567-e89b-12d3-a456-426614174000 gone", "id <uuid> gone"),
        ("at 2025-06-15T12:00:00.123Z failed", "at <time> failed"),
        ("10.0.0.1:8080 refused", "<ip> refused"),
        ("at 0x7ffee3 in deadbeef01", "at <hex> in <hex>"),
        ("took 12.5ms, 3 of 4", "took <num>ms, <num> of <num>"),
    ],
)
def test_what_differs_from_line_to_line_is_masked(line: str, template: str) -> None:
    assert without_variables(line) == template


@given(st.text(max_size=3000))
def test_any_text_is_a_bounded_template(text: str) -> None:
    template, _ = LogTemplates(max_templates=10).of(SHOP, text)
    assert len(template) <= 300
    assert "\n" not in template


def test_warnings_are_noticed_after_the_errors_and_are_never_new() -> None:
    records = [log_record(f"slow query took {n} ms", T0, severity=WARN) for n in range(60)]
    found = notices(Bench(), *records, log_record("bad", T0, severity=ERROR))
    assert [notice.severity for notice in found] == [ERROR, *[WARN] * MAX_WARNINGS]
    assert {(notice.template, notice.new) for notice in found[1:]} == {("slow query took <num> ms", False)}


def test_a_pattern_first_met_as_a_warning_is_still_a_new_error(bench: Bench) -> None:
    notices(bench, log_record("disk is slow", T0, severity=WARN))
    (notice,) = notices(bench, log_record("disk is slow", T0, severity=ERROR))
    assert notice.new
