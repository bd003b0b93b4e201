"""Grafana's dashboards and alert rules as code: `python -m grafana` writes what provisioning loads.

Names metrics, logs and spans by their telemetry names alone; imports nothing of the product.
"""
