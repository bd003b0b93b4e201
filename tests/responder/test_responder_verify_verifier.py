"""Verification in made-up time: recovered, not recovered, made worse, and a detector that is away."""

import math

import decision_samples as samples
import pytest
from decision_samples import evidence, incident
from scripted_detector import ACTED_AT, Answer, FakeTime, ScriptedDetector, health, service_health

from detector import Incident, IncidentType
from responder.incident_record import VerificationOutcome
from responder.verify import DetectorUnavailable, Verification, Verifier, VerifyConfig

CPU = "process.cpu.utilization:value"
DISK = "system.filesystem.usage{system.filesystem.state=used}:share"
POOL = "db.client.connection.count{state=used}:share"
MEMORY = "process.memory.usage:share"

GOOD = health(CPU, "cpu", 0.1)
BAD = health(CPU, "cpu", 0.97)
OTHER_BAD = health("http.server.request.duration:p95", "server_latency", 3.0, unit="s")


def run(
    time: FakeTime,
    detector: ScriptedDetector,
    of: Incident = samples.BURN,
    config: VerifyConfig | None = None,
) -> Verification:
    verifier = Verifier(detector, config or VerifyConfig(), time, time.sleep, monotonic=time)
    return verifier.verify(of, ACTED_AT)


def test_normal_for_the_stable_time_is_recovered() -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(BAD if t < 3 else GOOD)))

    assert result.outcome is VerificationOutcome.RECOVERED
    assert time.since_action == pytest.approx(13.0, abs=0.6)
    assert "97 % → 10 %" in result.detail
    assert "Normal for 10 s" in result.detail
    assert result.series == (GOOD,)


def test_normal_time_before_the_action_does_not_count() -> None:
    time = FakeTime()
    run(time, ScriptedDetector(time, lambda t: Answer(GOOD), normal_before_s=300))

    assert time.since_action == pytest.approx(10.0, abs=0.6)


def test_after_a_restart_of_the_responder_normal_time_since_the_action_counts() -> None:
    time = FakeTime(ACTED_AT + 100)
    detector = ScriptedDetector(time, lambda t: Answer(GOOD), normal_before_s=1)

    assert run(time, detector).outcome is VerificationOutcome.RECOVERED
    assert detector.looks == 1


def test_a_flapping_series_is_not_recovered() -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(GOOD if t % 8 < 6 else BAD)))

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert time.since_action == pytest.approx(60.0)
    assert "at most 6 s" in result.detail or "at most 5 s" in result.detail


def test_what_stays_as_bad_as_before_is_given_up_early() -> None:
    time = FakeTime()
    full = health(DISK, "disk", 0.98, high=0.5)

    def script(t: float) -> Answer:
        return Answer(full, reporting=t > 2)

    result = run(time, ScriptedDetector(time, script), samples.DISK)

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert 12 <= time.since_action <= 17
    assert result.detail.endswith("after the action: disk use 98 %, unchanged (normal up to 50 %).")


def test_a_value_back_in_range_is_no_ground_to_give_up() -> None:
    time = FakeTime()
    back = health(CPU, "cpu", 0.3, normal=False)

    result = run(time, ScriptedDetector(time, lambda t: Answer(back if t < 30 else GOOD)))

    assert result.outcome is VerificationOutcome.RECOVERED


def test_noise_around_the_bad_value_does_not_hide_that_nothing_changed() -> None:
    time = FakeTime()
    result = run(
        time, ScriptedDetector(time, lambda t: Answer(health(CPU, "cpu", 0.92 + 0.05 * math.sin(5 * t))))
    )

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert time.since_action < 20


def test_slow_progress_is_waited_for() -> None:
    time = FakeTime()

    def drains(t: float) -> Answer:
        return Answer(health(POOL, "db_pool", max(0.1, 1.0 - 0.02 * t)))

    result = run(time, ScriptedDetector(time, drains), samples.POOL)

    assert result.outcome is VerificationOutcome.RECOVERED
    assert 30 < time.since_action < 40


def test_a_large_drop_that_is_not_enough_gets_the_full_time() -> None:
    time = FakeTime()
    halfway = health(CPU, "cpu", 0.6)
    run(time, ScriptedDetector(time, lambda t: Answer(BAD if t < 2 else halfway)))

    assert time.since_action == pytest.approx(60.0)


def test_samples_from_before_the_action_are_no_ground_to_give_up() -> None:
    time = FakeTime()

    def starting(t: float) -> Answer:
        return Answer(health(CPU, "cpu", 0.97, age_s=t + 1)) if t < 25 else Answer(GOOD)

    assert run(time, ScriptedDetector(time, starting)).outcome is VerificationOutcome.RECOVERED


def test_rare_samples_are_no_ground_to_give_up() -> None:
    time = FakeTime()

    def every_twenty_seconds(t: float) -> Answer:
        return Answer(health(CPU, "cpu", 0.97 if t < 40 else 0.1, age_s=6 + t % 20))

    assert run(time, ScriptedDetector(time, every_twenty_seconds)).outcome is VerificationOutcome.RECOVERED


def test_progress_is_read_from_the_leading_series() -> None:
    time = FakeTime()
    of = incident(IncidentType.DISK_SPACE, evidence("disk", 1), evidence("error_ratio", 2, score=0.6))
    errors = "span.server:error_ratio"

    def disk_first(t: float) -> Answer:
        disk = health(DISK, "disk", 0.3 if t > 1 else 0.98)
        return Answer(disk, health(errors, "error_ratio", 0.6 if t < 20 else 0.0, high=0.1))

    assert run(time, ScriptedDetector(time, disk_first), of).outcome is VerificationOutcome.RECOVERED


def test_a_silent_service_is_not_recovered() -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(GOOD, reporting=False)))

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert time.since_action == pytest.approx(60.0)
    assert "no telemetry" in result.detail


def test_others_that_stay_out_of_range_mean_made_worse() -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(GOOD, worse=[OTHER_BAD])))

    assert result.outcome is VerificationOutcome.MADE_WORSE
    assert "server latency 3 s (normal up to 500 ms)" in result.detail


def test_others_that_are_off_while_the_service_starts_do_not_matter() -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(GOOD, worse=[OTHER_BAD] if 1 < t < 7 else [])))

    assert result.outcome is VerificationOutcome.RECOVERED
    assert time.since_action == pytest.approx(10.0, abs=0.6)


def test_others_that_went_off_late_are_watched_longer() -> None:
    time = FakeTime()
    result = run(
        time, ScriptedDetector(time, lambda t: Answer(GOOD, worse=[OTHER_BAD] if 8 < t < 14 else []))
    )

    assert result.outcome is VerificationOutcome.RECOVERED
    assert time.since_action == pytest.approx(14.0, abs=0.6)


@pytest.mark.parametrize(
    ("series", "signal"),
    [("span.server:count_rate", "request_rate"), ("threads:value", "other"), ("silence", "silence")],
)
def test_traffic_and_replaced_instances_are_not_harm(series: str, signal: str) -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: Answer(GOOD, worse=[health(series, signal, 70.0)])))

    assert result.outcome is VerificationOutcome.RECOVERED


def test_the_remedys_own_restart_is_not_harm() -> None:
    time = FakeTime()
    once = health("restarts", "restarts", 1.0, high=0.5)

    assert (
        run(time, ScriptedDetector(time, lambda t: Answer(GOOD, worse=[once]))).outcome
        is VerificationOutcome.RECOVERED
    )


def test_a_service_that_keeps_restarting_is_worse() -> None:
    time = FakeTime()
    result = run(
        time,
        ScriptedDetector(
            time, lambda t: Answer(GOOD, worse=[health("restarts", "restarts", 1.0 + t // 3, high=0.5)])
        ),
    )

    assert result.outcome is VerificationOutcome.MADE_WORSE


def test_a_detector_that_is_away_for_a_while_is_waited_for() -> None:
    time = FakeTime()
    away = DetectorUnavailable("connection refused")
    result = run(time, ScriptedDetector(time, lambda t: away if t < 30 else Answer(GOOD)))

    assert result.outcome is VerificationOutcome.RECOVERED


def test_a_detector_that_stays_away_is_not_recovered_with_the_reason() -> None:
    time = FakeTime()
    away = DetectorUnavailable("http://127.0.0.1:8002 did not answer: connection refused")
    result = run(time, ScriptedDetector(time, lambda t: away))

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert time.since_action == pytest.approx(60.0)
    assert "connection refused" in result.detail


def test_an_unknown_incident_is_judged_by_its_service() -> None:
    time = FakeTime()
    detector = ScriptedDetector(time, lambda t: None, lambda t: (service_health(normal=t > 5),))

    result = run(time, detector)

    assert result.outcome is VerificationOutcome.RECOVERED
    assert time.since_action == pytest.approx(15.5, abs=0.6)
    assert "did not raise this incident" in result.detail


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ((), "hears nothing from a service called shop"),
        ((service_health(service="other"),), "hears nothing"),
        ((service_health(reporting=False),), "no telemetry"),
        ((service_health(warm=False),), "not yet learned"),
        ((service_health(normal=False),), "failing requests 60 % (normal up to 10 %)"),
    ],
)
def test_a_service_that_cannot_be_called_normal_is_not_recovered(
    services: tuple[object, ...], why: str
) -> None:
    time = FakeTime()
    result = run(time, ScriptedDetector(time, lambda t: None, lambda t: services))

    assert result.outcome is VerificationOutcome.NOT_RECOVERED
    assert why in result.detail


@pytest.mark.parametrize("set_by_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_meanwhile_changes_nothing(set_by_s: float) -> None:
    time = FakeTime()
    detector = ScriptedDetector(time, lambda t: Answer(BAD if t < 3 else GOOD))
    verifier = Verifier(
        detector,
        VerifyConfig(),
        lambda: time() + (set_by_s if detector.looks else 0.0),
        time.sleep,
        monotonic=time,
    )

    assert verifier.verify(samples.BURN, ACTED_AT).outcome is VerificationOutcome.RECOVERED
    assert time.since_action == pytest.approx(13.0, abs=0.6)


def test_a_clock_that_was_set_back_before_does_not_keep_it_from_seeing_the_recovery() -> None:
    time = FakeTime()
    detector = ScriptedDetector(time, lambda t: Answer(GOOD))
    verifier = Verifier(detector, VerifyConfig(), lambda: time() - 3600.0, time.sleep, monotonic=time)

    assert verifier.verify(samples.BURN, ACTED_AT).outcome is VerificationOutcome.RECOVERED


def test_numbers_that_are_none_do_not_settle_anything() -> None:
    time = FakeTime()
    odd = health(CPU, "cpu", math.nan, high=math.inf, normal=False)

    assert (
        run(time, ScriptedDetector(time, lambda t: Answer(odd))).outcome is VerificationOutcome.NOT_RECOVERED
    )


@pytest.mark.parametrize(
    ("bad", "named"),
    [({"poll_s": 0.0}, "poll_s"), ({"timeout_s": math.inf}, "timeout_s"), ({"stable_s": 90.0}, "stable_s")],
)
def test_times_that_make_no_sense_are_refused(bad: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        VerifyConfig(**bad)
