"""Untrusted text on its way into the runbook: secrets, identifiers and numbers masked; similarity."""

import subprocess
import sys

import pytest
from decision_samples import evidence, incident, log_evidence
from hypothesis import given
from hypothesis import strategies as st

from detector import IncidentType
from responder.learn.patterns import mask, patterns_of
from responder.learn.similarity import TextIndex
from responder.redaction import redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter22 for bob", "hunter22"),
        ('{"db_password": "hun ter22"}', "ter22"),
        ("Authorization: Bearer abc.def-123456", "abc.def"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpw"),
        ("GET /x?api_key=k3y&y=1", "k3y"),
        ("postgresql://admin:s3cret@db:5432/x", "s3cret"),
        ("mail to jane.doe+x@example.co.uk", "jane"),
        ("jwt eyJhbGciOi.eyJzdWIi.SflKxwRJ", "eyJzdWIi"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFOD"),
        ("ghp_0123456789abcdefghij", "0123456789"),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f35"),
        ("session_id=abc", "abc"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIE", "MIIE"),
        ("secret: 'a b c'", "b c"),
        ("login with password hunter22 failed", "hunter22"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in redact(text, 200)


@pytest.mark.parametrize(
    "text",
    [
        "QueuePool limit of size 5 overflow 0 reached, connection timed out",
        "http.server.request.duration{http.route=/orders/{id}}:p95",
        "OSError: [Errno 28] No space left on device: '/var/lib/orders'",
        "supervisord refused: SPAWN_ERROR: web:web",
        "the token expired and the password was wrong",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str) -> None:
    assert redact(text, 200) == text


def test_what_is_too_long_is_cut_at_a_word() -> None:
    assert redact("connection timed out, timeout 0.30", 28) == "connection timed out…"
    assert redact("x" * 99, 10) == "x" * 9 + "…"


@given(st.text(), st.integers(min_value=8, max_value=300))
def test_redaction_answers_one_bounded_line_for_any_text(text: str, limit: int) -> None:
    line = redact(text, limit)
    assert len(line) <= limit
    assert line.isprintable()


def test_numbers_times_and_identifiers_do_not_tell_two_lines_apart() -> None:
    one = "2026-01-02T03:04:05.678Z order 4711 of req-8f3a2b1c took 12.5 ms from 10.0.0.7:8080"
    two = "2027-11-12T13:14:15Z order 5 of req-99ffaa77 took 7 ms from 10.1.2.3:9"
    assert mask(one, 200) == mask(two, 200) == "<time> order <num> of req-<id> took <num> ms from <num>"


def test_names_with_a_digit_are_kept() -> None:
    assert mask("http.client.duration:p95 on ipv4", 200) == "http.client.duration:p95 on ipv4"


def test_patterns_are_few_short_and_different() -> None:
    pieces = [log_evidence(*(f"failure {word * 99}" for word in "klmnopqr"), number=i) for i in range(9)]
    patterns = patterns_of(incident(IncidentType.UNKNOWN, *pieces), limit=4, length=50)
    assert len(patterns) == len(set(patterns)) == 4
    assert max(map(len, patterns)) <= 50


def test_an_incident_without_evidence_still_has_a_pattern() -> None:
    assert patterns_of(incident(IncidentType.UNKNOWN), 10, 100) == ("unknown without evidence",)


def test_similarity_is_one_for_the_same_text_and_absent_without_a_common_term() -> None:
    index = TextIndex()
    index.put("a", "memory limit reached")
    index.put("b", "disk full")
    assert index.similar("memory limit reached") == {"a": pytest.approx(1.0)}


def test_a_text_put_again_takes_the_place_of_the_first() -> None:
    index = TextIndex()
    index.put("a", "memory limit reached")
    assert "a" in index.similar("memory")
    index.put("a", "disk full")
    assert index.similar("memory") == {}


def test_what_is_new_in_a_text_makes_it_less_similar() -> None:
    index = TextIndex()
    index.put("a", "memory limit")
    assert index.similar("memory limit and something else")["a"] < index.similar("memory limit")["a"]


@given(st.lists(st.text(), max_size=5), st.text())
def test_similarity_is_a_share_for_any_texts(texts: list[str], question: str) -> None:
    index = TextIndex()
    for i, text in enumerate(texts):
        index.put(str(i), text)
    assert all(0.0 <= s <= 1.0 for s in index.similar(question).values())


def test_the_slow_import_waits_for_the_first_use() -> None:
    program = "import sys, responder.learn; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_evidence_becomes_signal_reason_and_series() -> None:
    (pattern,) = patterns_of(incident(IncidentType.MEMORY_OOM, evidence("memory")), 10, 100)
    assert pattern == "metric memory above_normal process.memory.usage:share"


def test_the_attributes_of_a_series_do_not_tell_two_faults_apart() -> None:
    orders = evidence("server_latency", series="http.server.request.duration{http.route=/orders/{id}}:p95")
    users = evidence("server_latency", 2, series="http.server.request.duration{http.route=/users}:p95")
    assert patterns_of(incident(IncidentType.UNKNOWN, orders, users), 10, 100) == (
        "metric server_latency above_normal http.server.request.duration:p95",
    )
