"""What really goes wrong inside a replica, and the agent that starts and stops it as ordered."""
