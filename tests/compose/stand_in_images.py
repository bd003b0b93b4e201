"""Images that stand in for those of a registry, made of the Debian packages installed on this machine.

They hold what the official images are there for (Python, nginx, haproxy) and the libraries of
requirements.lock as files, so that the project's own Dockerfiles are built as they are, with no network.
"""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = "aegisops-test-base"
PACKAGES = ("python3-venv", "nginx", "haproxy", "dash", "coreutils", "findutils", "ca-certificates")
WHEELS = "usr/share/wheels"  # what the lock names, and what is needed to build those that are no wheels
BUILD_TOOLS = ("setuptools", "wheel")
LEFT_OUT = (
    "/usr/share/doc/",
    "/usr/share/man/",
    "/usr/share/locale/",
    "/usr/share/info/",
    "/usr/share/lintian/",
)
MERGED = ("bin", "sbin", "lib", "lib64")
PIP = f"[global]\nno-index = true\nfind-links = /{WHEELS}\ndisable-pip-version-check = true\n"
USERS = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"


class MissingPackageError(Exception):
    """A Debian package is not installed; the message says which."""


def base_image(api: Any, root: Path, directory: Path) -> str:
    """The image's name, after it was made if need be. `root`: of the repository; `directory`: for what is
    downloaded, which is kept for the next time."""
    tag = hashlib.sha256(repr(PACKAGES).encode() + (root / "requirements.lock").read_bytes()).hexdigest()[:12]
    name = f"{REPOSITORY}:{tag}"
    if not api.images(name=name):
        _make(api, tag, root, directory)
    return name


def _make(api: Any, tag: str, root: Path, directory: Path) -> None:
    wheels = directory / "wheels"
    _download(root / "requirements.lock", wheels)
    path = directory / "base.tar"
    with tarfile.open(path, "w") as tar:
        _add_packages(tar)
        for wheel in sorted(wheels.iterdir()):
            tar.add(wheel, f"{WHEELS}/{wheel.name}")
        for name, text in {"etc/passwd": USERS, "etc/group": GROUPS, "etc/pip.conf": PIP}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
        tmp = tarfile.TarInfo("tmp")
        tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(tmp)
    path_in_image = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
    api.import_image_from_file(str(path), repository=REPOSITORY, tag=tag, changes=[path_in_image])
    path.unlink()


def _download(lock: Path, wheels: Path) -> None:
    complete = wheels.with_name("wheels-of.lock")
    if complete.exists() and complete.read_bytes() == lock.read_bytes():
        return
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels)]
    subprocess.run([*pip, "--no-deps", "--require-hashes", "--requirement", str(lock)], check=True)
    subprocess.run([*pip, "--no-deps", *BUILD_TOOLS], check=True)
    shutil.copyfile(lock, complete)


def _add_packages(tar: tarfile.TarFile) -> None:
    for name in MERGED:
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
        tar.addfile(link)
    merged = re.compile(rf"^/(?=(?:{'|'.join(MERGED)})/)")
    for path in sorted({merged.sub("/usr/", path) for path in _files(_with_dependencies())}):
        tar.add(path, path.lstrip("/"), recursive=False)


def _with_dependencies() -> set[str]:
    """The names of `PACKAGES` and of all they depend on, as installed here."""
    fields = "${Package}\t${Architecture}\t${Provides}\t${Pre-Depends}, ${Depends}\t${db:Status-Abbrev}\n"
    needs: dict[str, list[str]] = {}
    provider: dict[str, str] = {}
    for line in _output("dpkg-query", "--show", f"--showformat={fields}").splitlines():
        package, _, provides, depends, status = line.split("\t")
        if status.strip() == "ii":
            needs[package] = [part for part in depends.split(",") if part.strip()]
            provider.update(dict.fromkeys((package, *map(_bare, provides.split(","))), package))
    found: set[str] = set()
    waiting = list(PACKAGES)
    while waiting:
        alternatives = [_bare(one) for one in waiting.pop().split("|")]
        package = next((provider[name] for name in alternatives if name in provider), None)
        if package is None:
            raise MissingPackageError(f"install the Debian package {alternatives[0]}")
        if package not in found:
            found.add(package)
            waiting.extend(needs[package])
    return found


def _files(packages: set[str]) -> Iterator[str]:
    for line in set(_output("dpkg", "--listfiles", *sorted(packages)).splitlines()):
        path = Path(line)
        at_root = line.strip("/") in ("", ".", *MERGED)
        if not at_root and not line.startswith(LEFT_OUT) and (path.is_symlink() or path.exists()):
            yield line
    yield "/etc/ssl/certs/ca-certificates.crt"


def _bare(dependency: str) -> str:
    """`libc6:any (>= 2.3)` is about libc6."""
    return re.split(r"[ :(]", dependency.strip(), maxsplit=1)[0]


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise MissingPackageError("this is no Debian")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
