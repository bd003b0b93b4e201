"""Learning: the runbook of what helped against which pattern of evidence."""
