"""Six real faults on demand: `python -m buggy_app.chaos inject|clear|status`, or the class `Chaos`."""

from buggy_app.chaos.control import FAULTS, Chaos, ChaosError, FaultStatus, parse_fault
from buggy_app.chaos.order import VARIANTS, Fault, Order

__all__ = ["FAULTS", "VARIANTS", "Chaos", "ChaosError", "Fault", "FaultStatus", "Order", "parse_fault"]
