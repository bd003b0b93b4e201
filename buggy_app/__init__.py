"""A small web service with real faults, to be watched and healed."""
