"""`python -m responder.access DIRECTORY`: the first tokens, for a responder and a detector started together.

Makes DIRECTORY/responder/tokens (for AEGISOPS_RESPONDER_TOKENS), DIRECTORY/detector/token and
DIRECTORY/operator/token, each to be given to whom it is for and nobody else. Leaves them as they are where
the first is there. Exit 0 done, 1 a file cannot be written.
"""

import os
import secrets
import sys
from pathlib import Path

from responder.access.tokens import Role, new_token, token_line

FIRST = {"detector": Role.DETECTOR, "operator": Role.OPERATOR}


def main(directory: Path) -> int:
    """Make what is missing; answers the exit code."""
    hashes = directory / "responder" / "tokens"
    try:
        if hashes.exists():
            return 0
        lines = []
        for name, role in FIRST.items():
            token = new_token(secrets.token_urlsafe)
            lines.append(token_line(name, role, token))
            _write(directory / name / "token", token)
        _write(hashes, "\n".join(lines))  # the last, as it says that all are there
    except OSError as error:
        print(f"error: {error.filename} cannot be written ({error.strerror})", file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for its owner's eyes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
