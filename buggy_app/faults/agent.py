"""Carries out, inside a replica, the orders for faults that live in processes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from buggy_app.chaos.order import BURN, Fault, Order, OrderBook


class Malfunction(Protocol):
    """Something that goes wrong from `start` until `stop`, which waits until it has ended."""

    def start(self) -> None:
        """Begin; does not block."""

    def stop(self) -> None:
        """End it and undo what can be undone."""


@dataclass(frozen=True, slots=True)
class Running:
    """A malfunction and the order it came from."""

    order: Order
    malfunction: Malfunction


class FaultAgent:
    """Starts and stops malfunctions as the order book says.

    An order made before this process started is not for it: the fault ended with the process it was in.
    """

    def __init__(
        self, orders: OrderBook, started_at: float, make: dict[Fault, Callable[[Order], Malfunction]]
    ) -> None:
        self._orders = orders
        self._started_at = started_at
        self._make = make
        self._running: dict[Fault, Running] = {}

    def poll(self) -> None:
        """Look at the orders, and start and stop accordingly."""
        for fault in self._make:
            order = self._orders.get(fault)
            if order is not None and not self._is_for_us(order):
                order = None
            running = self._running.get(fault)
            if running is not None and (order is None or order.id != running.order.id):
                del self._running[fault]
                running.malfunction.stop()
                running = None
            if running is None and order is not None:
                malfunction = self._make[fault](order)
                self._running[fault] = Running(order, malfunction)
                malfunction.start()

    def stop(self) -> None:
        """Stop all malfunctions."""
        while self._running:
            self._running.popitem()[1].malfunction.stop()

    def _is_for_us(self, order: Order) -> bool:
        if order.fault is Fault.CPU_SPIKE and order.variant != BURN:
            return False
        return self._started_at < order.at
