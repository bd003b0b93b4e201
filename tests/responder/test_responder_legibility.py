"""Nothing garbled passes the gate, and nothing else is stopped by it."""

import decision_samples as samples
import pytest
from decision_samples import ALL_ACTIONS, case, record
from hypothesis import given
from hypothesis import strategies as st

from detector import Incident
from responder.diagnose import OfflineAnalyst
from responder.incident_record import ActionKind
from responder.legibility import Fault, Gate, Lexicon

GATE = Gate()
NAMES = ("buggy-app", "checkout", "payments-api")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("memory exhaustionn on all replicas", Fault.DOUBLED_LETTERS),
        ("bbuggу-app is down", Fault.MIXED_SCRIPTS),
        ("bbuggy-app is down", Fault.DOUBLED_LETTERS),
        ("bugy-app is down", Fault.BROKEN_WORD),
        ("the process killloccurred twice", Fault.DOUBLED_LETTERS),
        ("the diskspacewas full", Fault.BROKEN_WORD),
        ("the poolis exhausted", Fault.JOINED_WORDS),
        ("The pool is full.Restart it", Fault.JOINED_WORDS),
        ("full,restart it", Fault.JOINED_WORDS),
        ("the журнал is full", Fault.FOREIGN_SCRIPT),
        ("the ｍｅｍｏｒｙ is full", Fault.LOOK_ALIKE),
        ("mem0ry is full", Fault.LOOK_ALIKE),
        ("The peerâ€™s latency", Fault.ENCODING),
        ("the \ufffd is down", Fault.ENCODING),
        ("mem\u200bory is full", Fault.CONTROL_CHARACTER),
        ("\x1b[31mred", Fault.CONTROL_CHARACTER),
        ("eXhausTion of memory", Fault.ODD_CASE),
        ("the the pool is full", Fault.REPETITION),
        ("restart it now restart it now", Fault.REPETITION),
        ("{service} is down", Fault.LEFTOVER),
        ("the pool is full<|im_end|>", Fault.LEFTOVER),
        ("the pods were tarted again", Fault.BROKEN_WORD),
        ("the juts restarted worker", Fault.BROKEN_WORD),
        ("this is mislading", Fault.BROKEN_WORD),
        ("pods in CrashoopBackOff", Fault.BROKEN_WORD),
        ("the d@tabase is down", Fault.LOOK_ALIKE),
        ("th3 disk is full", Fault.LOOK_ALIKE),
        ("the ⓟⓞⓞⓛ is full", Fault.LOOK_ALIKE),
    ],
)
def test_garbled_text_is_refused_with_its_fault(text: str, fault: Fault) -> None:
    verdict = GATE.check(text, NAMES)

    assert not verdict.ok
    assert fault in verdict.reasons
    assert verdict.words


@pytest.mark.parametrize(
    "text",
    [
        "process.memory.usage of buggy-app-1 rose from 31% to 78% [E1].",
        "INC-1M86QX2 is open since 14:05 UTC on host ip-10-1-4-22.",
        'The log says "OSError: [Errno 28] No spacce left: /dаta" on two replicas.',
        "java.lang.OutOfMemoryError was logged at orders/service.py line 212.",
        "p95 rose from 120 ms to 2.4 s; the limit is 512 MiB.",
        "It is slow again and again, more and more.",
        "The peer at http://10.0.0.7:8011/health answers after 250 µs.",
        "Utilisation rose after the re-balancing of greylisted hosts in Germany.",
        "AegisOps™ runs on 12 cores.",
        "restart=never and db.client.connection.count{state=used} is 20.",
        "",
    ],
)
def test_identifiers_quantities_and_quotations_pass(text: str) -> None:
    assert GATE.check(text, NAMES).ok


def test_gates_may_share_a_lexicon() -> None:
    lexicon = Lexicon()

    assert not Gate(lexicon).check("memory exhaustionn").ok
    assert Gate(lexicon).check("memory exhaustion").ok


def test_a_name_handed_in_passes_just_as_it_is() -> None:
    assert not GATE.check("Zahlungsdienst is slow").ok
    assert GATE.check("Zahlungsdienst is slow", ["zahlungsdienst"]).ok
    assert GATE.check("сервис is slow", ["сервис"]).ok
    assert not GATE.check("ｓhop is slow", ["shop"]).ok


@pytest.mark.parametrize(
    "of",
    [
        samples.SURGE,
        samples.BURN,
        samples.LEAK,
        samples.SLOW_PEER,
        samples.POOL,
        samples.DISK,
        samples.BAD_CONFIGURATION,
        samples.CRASH_LOOP,
        samples.UNKNOWN,
    ],
)
def test_what_the_offline_analyst_writes_passes(of: Incident) -> None:
    analyst = OfflineAnalyst()
    tried = [(), *((record(action),) for action in ActionKind)]
    for allowed in (ALL_ACTIONS, frozenset[ActionKind]()):
        for records in tried:
            diagnosis = analyst.diagnose(case(of, allowed=allowed, tried=records))
            for text in (diagnosis.root_cause, *(p.reason for p in diagnosis.proposals)):
                verdict = GATE.check(text, [of.service])
                assert verdict.ok, (text, verdict)


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_answered_consistently(text: str, names: list[str]) -> None:
    verdict = GATE.check(text, names)

    assert verdict.ok == (not verdict.reasons)
    assert len(verdict.words) <= 20
    assert verdict == GATE.check(text, names)
