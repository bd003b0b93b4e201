"""Command line of chaos: inject, clear and status. Exit code 2 for what cannot be done."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from buggy_app.chaos import FAULTS, VARIANTS, Chaos, ChaosError, FaultStatus
from buggy_app.settings import SettingsError
from buggy_app.state_directory import StateDirectoryError


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; prints, and answers the exit code."""
    options = _parser().parse_args(arguments)
    try:
        chaos = Chaos.from_environment(os.environ)
        if options.verb == "inject":
            order = chaos.inject(options.fault, options.strength, options.variant)
            _say(f"injected {order.fault} ({order.variant}, strength {order.strength:g})")
        elif options.verb == "clear":
            for fault in FAULTS if options.fault == "all" else (options.fault,):
                chaos.clear(fault)
                _say(f"cleared {fault}")
        else:
            for status in chaos.status():
                _say(describe(status, time.time()))
    except (ChaosError, SettingsError, StateDirectoryError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command line speaks
        return 2
    return 0


def describe(status: FaultStatus, now: float) -> str:
    """One line about a fault."""
    if not status.active:
        return f"{status.fault}: inactive"
    if status.since is None:
        return f"{status.fault}: active"
    return (
        f"{status.fault}: active since {now - status.since:.0f} s"
        f" (strength {status.strength:g}, variant {status.variant})"
    )


def _parser() -> argparse.ArgumentParser:
    variants = "; ".join(
        f"{fault}: {', '.join(names)}" for fault, names in VARIANTS.items() if len(names) > 1
    )
    parser = argparse.ArgumentParser(
        prog="python -m buggy_app.chaos", description="Cause and undo real faults."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    inject = verbs.add_parser("inject", help=f"cause a fault ({', '.join(FAULTS)})")
    inject.add_argument("fault")
    inject.add_argument("--strength", type=float, default=1.0, help="above 0, at most 1 (default 1)")
    inject.add_argument("--variant", default=None, help=f"another form of the fault ({variants})")
    clear = verbs.add_parser("clear", help="undo a fault, or all")
    clear.add_argument("fault")
    verbs.add_parser("status", help="say which faults are in place")
    return parser


def _say(line: str) -> None:
    print(line)  # noqa: T201 - a command line speaks


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
