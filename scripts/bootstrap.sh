#!/bin/sh
# Make the environment named by $1 with the locked dependencies, from python3 alone. What follows goes to uv sync.
set -eu
venv=$1
shift
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Phonotheque needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    echo "Name another one: make PYTHON=/path/to/python3.11 ..." >&2
    exit 1
}
if [ ! -x "$venv/bin/pip" ] && ! "$python" -m venv "$venv"; then
    # Debian keeps ensurepip in a package of its own.
    echo "python3-venv is missing; installing it." >&2
    rm -rf "$venv"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq python3-venv
    "$python" -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.7'
# The machine's own certificates: whoever works behind a proxy has put its certificate there.
UV_SYSTEM_CERTS=true UV_PROJECT_ENVIRONMENT=$venv "$venv/bin/uv" sync --frozen --inexact --quiet "$@"
