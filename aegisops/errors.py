"""What can go wrong for the person at the command line, in words that say what to do."""


class StackError(Exception):
    """The local stack cannot start, or stopped being healthy. The message is shown as it is."""


class DemoError(Exception):
    """The demo cannot go on. The message is shown as it is."""
