#!/bin/sh
# Says where tests put their files: in memory if that has room for them, for a disk waits at every fsync.
set -eu
memory=/dev/shm
needed=8388608  # KiB; what two test processes, a PostgreSQL and an object store were seen to take, doubled
if [ -w "$memory" ] && [ "$(df --output=avail "$memory" | tail -n 1)" -ge "$needed" ]; then
    echo "$memory"
else
    echo "${TMPDIR:-/tmp}"
fi
