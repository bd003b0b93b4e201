"""The demo: six faults injected one after another, each watched until it is healed and verified."""
