"""Incidents out to whoever listens, the query interface, and the detector's telemetry about itself."""
