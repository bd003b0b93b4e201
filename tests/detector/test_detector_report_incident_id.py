from hypothesis import given
from hypothesis import strategies as st

from detector.report.incident_id import IncidentIds


@given(times=st.lists(st.floats(0, 4e9), min_size=1, max_size=50), seed=st.integers(0, 2**15 - 1))
def test_ids_are_unique_and_sort_as_given_whatever_the_clock_does(times: list[float], seed: int) -> None:
    clock = iter(times)
    new_id = IncidentIds(lambda: next(clock), lambda bits: seed % 2**bits)
    ids = [new_id() for _ in times]
    assert ids == sorted(set(ids))


def test_an_id_is_short_and_can_be_read_out() -> None:
    incident_id = IncidentIds(lambda: 1.8e9, lambda bits: 2**bits - 1)()
    assert incident_id.startswith("INC-")
    assert len(incident_id) == 16
    assert not set(incident_id[4:]) & set("ILOU")


def test_a_restart_in_the_same_millisecond_gives_other_ids() -> None:
    assert IncidentIds(lambda: 5.0, lambda _: 1)() != IncidentIds(lambda: 5.0, lambda _: 2)()
