#!/bin/sh
# The peers that benchmarks compare with.
set -eu
missing=
for pair in fpcalc:libchromaprint-tools curl:curl ffmpeg:ffmpeg mktorrent:mktorrent rsync:rsync wrk:wrk; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi
sh "$(dirname "$0")/client-tools.sh" .venv/clients
# Datasette, in an environment of its own: what it needs must not meet what Phonotheque needs.
if [ ! -x .venv/datasette/bin/datasette ]; then
    .venv/bin/python -m venv .venv/datasette
    .venv/datasette/bin/pip install --quiet datasette || echo "Not to be had from PyPI: datasette." >&2
fi
