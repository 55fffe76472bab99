#!/bin/sh
# Other people's BitTorrent clients and web servers, newer than this system may have them, in a folder of their
# own: nothing is installed in the system. What cannot be had is named, and the tests that need it skip and say so.
set -u
folder=$(realpath -m "${1:-.venv/clients}")
suite=trixie  # Debian 13: transmission 4.1, aria2 1.37, qBittorrent 5.1, nginx 1.26, caddy 2.6
packages="transmission-daemon transmission-cli aria2 qbittorrent-nox opentracker nginx caddy"
programs="transmission-daemon transmission-remote transmission-create aria2c qbittorrent-nox opentracker
    nginx caddy"
webtorrent=webtorrent-cli@6.0.1
datachannel=0.33.4
wanted="$suite $packages $webtorrent $datachannel"
[ "$(cat "$folder/.made-of" 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder/bin"

debian() {
    # From wherever this system's own packages come, signed by the same keys, with a package list of its own.
    site=$(apt-get indextargets --format '$(SITE) $(CODENAME)' | awk '$2 !~ /-/ { print $1; exit }')
    keys=$(ls /usr/share/keyrings/debian-archive-keyring.* | head -n 1)
    [ -n "$site" ] && [ -n "$keys" ] || return 1
    root=$folder/debian
    mkdir -p "$root/etc/apt/apt.conf.d" "$root/etc/apt/preferences.d" "$root/var/lib/apt/lists/partial" \
        "$root/var/cache/apt/archives/partial" "$root/var/lib/dpkg"
    : > "$root/var/lib/dpkg/status"
    echo "deb [signed-by=$keys] $site $suite main" > "$root/etc/apt/sources.list"
    cat > "$root/apt.conf" <<END
Dir "$root/";
Dir::State::status "$root/var/lib/dpkg/status";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Debug::NoLocking "true";
END
    APT_CONFIG=$root/apt.conf apt-get update -qq || return 1
    # shellcheck disable=SC2086
    APT_CONFIG=$root/apt.conf apt-get install -qq -y --download-only $packages > /dev/null || return 1
    for package in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$root" || return 1
    done
    rm -rf "$root/var" "$root/etc/apt" "$root/usr/share"
    # Their own loader and libraries: this system's are older.
    loader=$(find "$root" -name 'ld-linux*' | head -n 1)
    libraries=$(find "$root" -name '*.so*' -printf '%h\n' | sort -u | paste -s -d :)
    for program in $programs; do
        file=$(find "$root/usr/bin" "$root/usr/sbin" -name "$program" 2>/dev/null | head -n 1)
        [ -n "$file" ] || continue
        printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$file" \
            > "$folder/bin/$program"
        chmod +x "$folder/bin/$program"
    done
}

npm_packages() {
    command -v npm > /dev/null || return 1
    # The newest WebRTC library comes with its binaries; older ones fetch them from elsewhere when installed.
    mkdir -p "$folder/npm"
    cat > "$folder/npm/package.json" <<END
{ "private": true, "dependencies": { "webtorrent-cli": "${webtorrent#*@}" },
  "overrides": { "node-datachannel": "$datachannel" } }
END
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/npm" > /dev/null || return 1
    "$folder/npm/node_modules/.bin/webtorrent" --version > /dev/null 2>&1 || return 1
    ln -s "$folder/npm/node_modules/.bin/webtorrent" "$folder/bin/webtorrent"
}

made=yes
debian || { made=; echo "Not to be had from Debian's $suite: $packages." >&2; }
npm_packages || echo "Not to be had from npm: $webtorrent." >&2
[ -z "$made" ] || echo "$wanted" > "$folder/.made-of"
