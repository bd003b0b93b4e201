"""The command line, the launcher of the local stack, and the demo."""
