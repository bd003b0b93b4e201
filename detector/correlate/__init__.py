"""Gathers anomalies into incidents: coming and going of services, opening, joining, closing, recovery."""
