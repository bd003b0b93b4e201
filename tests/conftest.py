"""What holds for all tests: no setting of the shell they are started from reaches the product."""

import os

OURS = ("AEGISOPS_", "BUGGY_APP_", "DIAGNOSIS_", "OTEL_")
FOR_TESTS = "AEGISOPS_TEST_"  # where the real services are that tests need


def pytest_configure() -> None:
    """For the whole run, and so for the processes that tests start."""
    for name in list(os.environ):
        if name.upper().startswith(OURS) and not name.startswith(FOR_TESTS):
            del os.environ[name]
