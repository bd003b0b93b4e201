"""Judges series: vectorised baselines, streaks, trends towards limits, one forest per service."""
