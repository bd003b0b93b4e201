"""Builds the wheel, installs it into an environment of its own, and imports every module from there.

The environment borrows the dependencies of the one that runs this, but not the editable install in it:
what the wheel forgot to pack cannot be found elsewhere.
"""

import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

PACKAGES = ("aegisops", "buggy_app", "detector", "responder")

IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
count = 0
for name in sys.argv[2:]:
    package = importlib.import_module(name)
    home = pathlib.Path(package.__file__)
    assert home.is_relative_to(sys.argv[1]), f"{name} came from {home}"
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
print(f"wheel: {count} modules of {len(sys.argv) - 2} packages imported from the installed wheel")
"""


def main() -> None:
    """Exits with an error when the wheel does not build, install or import."""
    with tempfile.TemporaryDirectory(prefix="aegisops-wheel-") as scratch:
        place = Path(scratch)
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch], check=True)
        (wheel,) = place.glob("*.whl")
        venv.create(place / "venv", with_pip=False)
        python = place / "venv" / "bin" / "python"
        site = _site_packages(python)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--target",
                str(site),
                str(wheel),
            ],
            check=True,
        )
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        subprocess.run(
            [str(python), "-W", "error::ImportWarning", "-c", IMPORT_ALL, str(site), *PACKAGES],
            check=True,
            cwd=scratch,
        )


def _site_packages(python: Path) -> Path:
    answer = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(answer.stdout.strip())


if __name__ == "__main__":
    main()
