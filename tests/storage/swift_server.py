"""OpenStack Swift with its S3 interface, in one process, for tests: ``python3 swift_server.py FOLDER``.

Run by Debian's own Python, which has the package ``python3-swift``. The servers for accounts, containers and
objects keep what they are given in FOLDER (which needs extended attributes), and the proxy in front of them
speaks S3. The proxy's port is printed once it answers; the process ends when its standard input does. Only
the rings and the cache are made here: one device, one copy, and a dictionary instead of memcached.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402 — what follows must see patched modules
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

_SWIFT = """\
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = single
default = yes
"""
_SERVER = """\
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
log_level = ERROR
[pipeline:main]
pipeline = server
[app:server]
use = egg:swift#{kind}
"""
_PROXY = """\
[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors cache bulk s3api tempauth slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
paste.filter_factory = swift_cache:filter_factory
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_tests_archivist = key-for-tests .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


class _Cache(dict[str, Any]):
    """What the proxy asks of memcached, for one process that soon ends."""

    def __bool__(self) -> bool:
        return True  # an empty one is there, too

    def set(self, key: str, value: Any, **_: Any) -> None:
        self[key] = value

    def incr(self, key: str, delta: int = 1, **_: Any) -> int:
        self[key] = int(self.get(key, 0)) + delta
        return int(self[key])

    def delete(self, key: str, **_: Any) -> None:
        self.pop(key, None)


class _CacheModule:
    """Stands in ``sys.modules`` so that the proxy's configuration can name it."""

    @staticmethod
    def filter_factory(_conf: object, **_: Any) -> Any:
        cache = _Cache()

        def with_cache(app: Any) -> Any:
            def answer(env: dict[str, Any], start: Any) -> Any:
                env["swift.cache"] = cache
                return app(env, start)

            return answer

        return with_cache


def main(folder: Path) -> None:
    """Start all servers and serve until standard input ends."""
    (folder / "devices" / "disk").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(_SWIFT)
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    utils.validate_hash_conf()
    reload_storage_policies()
    sys.modules["swift_cache"] = _CacheModule  # type: ignore[assignment]
    for kind in ("account", "container", "object"):
        listening = eventlet.listen(("127.0.0.1", 0))
        _write_ring(folder / f"{kind}.ring.gz", listening.getsockname()[1])
        _serve(folder, kind, _SERVER.format(folder=folder, kind=kind), listening)
    listening = eventlet.listen(("127.0.0.1", 0))
    _serve(folder, "proxy", _PROXY.format(folder=folder), listening)
    print(listening.getsockname()[1], flush=True)  # read by whoever started this
    while eventlet.tpool.execute(os.read, 0, 1024):
        pass


def _write_ring(path: Path, port: int) -> None:
    ring = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
    ring.add_dev({"region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port, "device": "disk"})
    ring.rebalance()
    ring.get_ring().save(str(path))


def _serve(folder: Path, kind: str, text: str, listening: Any) -> None:
    configuration = folder / f"{kind}.conf"
    configuration.write_text(text)
    app = loadapp(str(configuration), global_conf={"log_name": kind})
    eventlet.spawn(wsgi.server, listening, app, log_output=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
