"""What a process gets from its machine, in the hands of a test: the clock on the wall, and names of hosts."""

from pathlib import Path

# Read by every Python process at its start, from PYTHONPATH.
_SITE = """
import os, socket, time

def wall_clock(real=time.time, path=os.environ["SURROUNDINGS"] + "/clock"):
    with open(path) as file:
        return real() + float(file.read())

def names(host, *more, real=socket.getaddrinfo, path=os.environ["SURROUNDINGS"] + "/names", **named):
    if isinstance(host, str) and host.endswith(".test"):
        if not os.path.exists(path):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        host = "127.0.0.1"
    return real(host, *more, **named)

time.time = wall_clock
socket.getaddrinfo = names
"""


class Surroundings:
    """Of processes that are started with `variables`. Names that end with `.test` are this machine's, once
    there are names at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "surroundings"
        self._directory.mkdir()
        (self._directory / "sitecustomize.py").write_text(_SITE)
        self.set_clock_by(0.0)
        self.variables = {"PYTHONPATH": str(self._directory), "SURROUNDINGS": str(self._directory)}

    def set_clock_by(self, seconds: float) -> None:
        """Set the clock, from where it would stand by itself."""
        new = self._directory / "clock.new"
        new.write_text(str(seconds))
        new.rename(self._directory / "clock")

    def bring_names_back(self) -> None:
        """Names can be resolved from now on."""
        (self._directory / "names").touch()
