"""The local stack: every process of the product on one machine, under supervisord."""

from aegisops.stack.launcher import Stack
from aegisops.stack.layout import StackLayout

__all__ = ["Stack", "StackLayout"]
