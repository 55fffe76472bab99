#!/bin/sh
# What tests need from the system: reference tools and other people's clients. Installs what is missing where
# it may; a test whose tool is still missing skips and says so (and fails where .ci/run says it must run).
set -eu
missing=
for pair in fpcalc:libchromaprint-tools chromium:chromium java:default-jre-headless rtorrent:rtorrent swift-ring-builder:swift systemd-analyze:systemd ip:iproute2 tmux:tmux; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
# Debian keeps PostgreSQL's server off the path. Tests start their own: none is to run on the machine for them.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else
    echo "Not installed, and no right to install:$missing. The tests that need them will skip." >&2
    exit 0
fi
command -v apt-get >/dev/null || { echo "Please install:$missing" >&2; exit 0; }
case $missing in *postgresql*)  # a server for the whole machine is not wanted
    conf=/etc/postgresql-common/createcluster.conf
    [ -e $conf ] || echo 'create_main_cluster = false' | $sudo install -D -m 644 /dev/stdin $conf ;;
esac
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
