#!/bin/sh
# What tests need from the system: reference tools and other people's clients. Installs what is missing where
# it may; a test whose tool is still missing skips and says so (and fails where .ci/run says it must run).
set -eu
missing=
for pair in fpcalc:libchromaprint-tools java:default-jre-headless rtorrent:rtorrent swift-ring-builder:swift tmux:tmux; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else
    echo "Not installed, and no right to install:$missing. The tests that need them will skip." >&2
    exit 0
fi
command -v apt-get >/dev/null || { echo "Please install:$missing" >&2; exit 0; }
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
