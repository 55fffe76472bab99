#!/bin/sh
# Put the program below $1 (/usr/local): $1/bin/phono, what it needs in $1/lib/phonotheque, its units for systemd.
# Run it again for another version. To remove it all, remove these.
set -eu
prefix=$1
here=$(dirname "$0")
home=$prefix/lib/phonotheque
unset PYTHONPYCACHEPREFIX
sh "$here/bootstrap.sh" "$home" --no-dev --no-editable --compile-bytecode --reinstall-package phonotheque
mkdir -p "$prefix/bin" "$prefix/lib/systemd/system" "$prefix/lib/sysusers.d"
ln -sf "$home/bin/phono" "$prefix/bin/phono"
for unit in "$here"/../deploy/phonotheque-*@.*; do
    sed "s|/usr/local/|$prefix/|g" "$unit" > "$prefix/lib/systemd/system/$(basename "$unit")"
done
cp "$here/../deploy/phonotheque.sysusers" "$prefix/lib/sysusers.d/phonotheque.conf"
[ ! -d /run/systemd/system ] || systemctl daemon-reload  # a systemd that runs reads them anew
"$prefix/bin/phono" --version
