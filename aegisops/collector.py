"""The Collector of the local stack: its program and its configuration, where they are there."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from aegisops.errors import StackError

PROGRAM = "aegisops-collector"
CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Collector:
    """A Collector that can be started: `binary --config configuration`, both absolute."""

    binary: Path
    configuration: Path


def find_collector(named: Path | None, checkout: Path = CHECKOUT) -> Collector | None:
    """The Collector to run: the `named` one, else the one built in `checkout`, else the one on PATH.

    None where there is none, or where `checkout` has no configuration for it, as where only the wheel is
    installed. Raises `StackError` where the `named` one cannot be run.
    """
    configuration = checkout / "otel-config" / "agent.yaml"
    if named is not None:
        if not _runs(named):
            raise StackError(
                f"AEGISOPS_COLLECTOR_BINARY={named} is no program that can be run: build it with "
                "`make collector` and name that, or set it to off"
            )
        if not configuration.is_file():
            raise StackError(
                f"AEGISOPS_COLLECTOR_BINARY is set, but there is no {configuration} for it: "
                "run from a checkout, or set it to off"
            )
        return Collector(named.absolute(), configuration)
    built = checkout / "collector" / "build" / PROGRAM
    on_path = shutil.which(PROGRAM)
    binary = built if _runs(built) else None if on_path is None else Path(on_path)
    if binary is None or not configuration.is_file():
        return None
    return Collector(binary.absolute(), configuration)


def _runs(binary: Path) -> bool:
    return binary.is_file() and os.access(binary, os.X_OK)
