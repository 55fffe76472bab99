#!/bin/sh
# Other people's clients of our interfaces: OAI-PMH harvesters and a tester of OpenAPI, in an environment of
# their own, since they drag in much. What cannot be had is named, and the tests that need it skip and say so.
set -u
folder=$(realpath -m "${1:-.venv/harvesters}")
python=$(realpath -s "$(dirname "$0")/../.venv/bin/python")
wanted="sickle==0.7.0 oaipmh-scythe==0.16.0 schemathesis==4.32.5"
[ "$(cat "$folder/.made-of" 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf "$folder"
# shellcheck disable=SC2086
if "$python" -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check $wanted
then
    echo "$wanted" > "$folder/.made-of"
else
    echo "Not to be had from PyPI: $wanted." >&2
fi
