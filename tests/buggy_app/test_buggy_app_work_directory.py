"""The disk budget: uploads rotate, dumps fill it, what does not fit fails as on a full disk."""

import errno
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buggy_app.state_directory import StateDirectory
from buggy_app.work_directory import MAX_UPLOADS, WorkDirectory

KIB = 1024


def test_uploads_rotate_so_that_use_stays_flat(state: StateDirectory) -> None:
    work = WorkDirectory(state, 1024 * KIB)

    for _ in range(3 * MAX_UPLOADS):
        work.store_upload(bytes(KIB))

    assert work.used() == MAX_UPLOADS * KIB


def test_an_upload_that_does_not_fit_fails_with_enospc_and_leaves_nothing(state: StateDirectory) -> None:
    work = WorkDirectory(state, 10 * KIB)

    with pytest.raises(OSError, match="No space left on device") as caught:
        work.store_upload(bytes(11 * KIB))

    assert caught.value.errno == errno.ENOSPC
    assert work.used() == 0


def test_dumps_fill_the_budget_to_the_last_byte(state: StateDirectory) -> None:
    work = WorkDirectory(state, 300 * KIB)
    work.start_dumping(1.0)
    work.store_dump(200 * KIB)

    with pytest.raises(OSError, match="No space left"):
        work.store_dump(200 * KIB)
    with pytest.raises(OSError, match="No space left"):
        work.store_upload(b"x")

    assert work.used() == 300 * KIB


def test_cleaning_up_removes_dumps_and_flag_but_no_uploads_and_is_safe_to_repeat(
    state: StateDirectory,
) -> None:
    work = WorkDirectory(state, 100 * KIB)
    work.store_upload(bytes(KIB))
    work.start_dumping(1.0)
    work.store_dump(5 * KIB)

    first, second = work.clean_up(), work.clean_up()

    assert (first.files, first.size, first.was_dumping) == (1, 5 * KIB, True)
    assert (second.files, second.was_dumping) == (0, False)
    assert work.used() == KIB


def test_no_dump_is_written_once_dumping_is_off(state: StateDirectory) -> None:
    work = WorkDirectory(state, 100 * KIB)

    work.store_dump(KIB)

    assert not work.has_dumps()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.tuples(st.booleans(), st.integers(0, 40 * KIB)), max_size=12))
def test_whatever_is_written_the_budget_is_kept(state: StateDirectory, sizes: list[tuple[bool, int]]) -> None:
    work = WorkDirectory(state, 100 * KIB)
    work.start_dumping(1.0)

    for dump, size in sizes:
        with suppress(OSError):
            work.store_dump(size) if dump else work.store_upload(bytes(size))
        assert work.used() <= work.budget
