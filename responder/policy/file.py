"""The policy file: read at the start, and again whenever it changed."""

import logging
import threading
from pathlib import Path

from pydantic import ValidationError

from responder.policy.declared import PolicyDocument
from responder.yaml_file.document import YamlError, file_bytes, read_declaration
from responder.yaml_file.problems import at_line, problems_of, told

_LOG = logging.getLogger(__name__)


class PolicyError(Exception):
    """The policy cannot be used; the message says where and what to change, for people."""


def parse_policy(data: bytes, source: str = "policy") -> PolicyDocument:
    """The policy in `data` (UTF-8). Raises `PolicyError`."""
    try:
        document = read_declaration(data, "services")
    except YamlError as error:
        raise PolicyError(f"{source}{at_line(error.line)}: {error}") from error
    try:
        return PolicyDocument.model_validate(document.value)
    except ValidationError as error:
        raise PolicyError(told(source, problems_of(error, document))) from error


class PolicyFile:
    """The policy that holds. Looked at on every question, read when it changed; safe to ask from any thread.

    A changed file that cannot be used changes nothing: the policy before it holds on, the log says so once,
    and `warning` says so until the file is mended. Raises `PolicyError` where the first reading fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._document = _read(path)
        self._warning: str | None = None

    def current(self) -> PolicyDocument:
        """The policy that holds now."""
        with self._lock:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                self._take_up()
            return self._document

    @property
    def warning(self) -> str | None:
        """Why the file as it is now does not hold; None when it does."""
        self.current()
        return self._warning

    def _take_up(self) -> None:
        try:
            self._document = _read(self._path)
        except PolicyError as error:
            self._warning = f"the policy before the last change holds on: {error}"
            _LOG.error("%s", self._warning)
        else:
            self._warning = None
            _LOG.info("the policy %s changed and holds from now on", self._path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None when it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path) -> PolicyDocument:
    try:
        data = file_bytes(path, "policy", "AEGISOPS_RESPONDER_POLICY")
    except YamlError as error:
        raise PolicyError(str(error)) from error
    return parse_policy(data, str(path))
