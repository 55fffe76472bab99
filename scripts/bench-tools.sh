#!/bin/sh
# The peers that benchmarks compare with.
set -eu
missing=
for pair in fpcalc:libchromaprint-tools ffmpeg:ffmpeg mktorrent:mktorrent; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
