#!/bin/sh
# `libraries.sh LOCK` makes /opt/venv of what the lock names. It leaves out what only tests, compilers and type checkers
# read. Symbols stay: to strip them breaks the shared libraries that wheels of numpy and scipy bring along.
set -eu
python3 -m venv /opt/venv
/opt/venv/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement "$1"
/opt/venv/bin/python -m pip uninstall --quiet --yes setuptools pip
find /opt/venv -depth -type d \( -name tests -o -name test -o -name _tests \) -exec rm -r {} +
find /opt/venv -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.tp' \
    -o -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name '*.a' -o -name '*.po' -o -name '*.pot' \) \
    -delete
