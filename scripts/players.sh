#!/bin/sh
# Other people's OpenSubsonic clients, in a folder of their own: py-opensonic from PyPI, subsonic-api from npm.
# What cannot be had is named, and the tests that need it skip and say so.
set -u
folder=$(realpath -m "${1:-.venv/players}")
python=$(realpath -s "$(dirname "$0")/../.venv/bin/python")
opensonic=10.4.1
subsonic=3.3.1
wanted="py-opensonic==$opensonic subsonic-api@$subsonic"
[ "$(cat "$folder/.made-of" 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder"
made=yes
"$python" -m venv "$folder/python" &&
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check "py-opensonic==$opensonic" ||
    { made=; rm -rf "$folder/python"; echo "Not to be had from PyPI: py-opensonic $opensonic." >&2; }
echo "{ \"private\": true, \"type\": \"module\", \"dependencies\": { \"subsonic-api\": \"$subsonic\" } }" \
    > "$folder/package.json"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" > /dev/null ||
    { made=; rm -rf "$folder/node_modules"; echo "Not to be had from npm: subsonic-api $subsonic." >&2; }
[ -z "$made" ] || echo "$wanted" > "$folder/.made-of"
