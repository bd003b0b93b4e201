"""What a series means, and which incident type anomalies speak for. Both are data, read from YAML."""
