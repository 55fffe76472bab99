"""The whole way with bags and the public tree on object storage: a stranger mirrors it from the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.endtoend.commands import LOOPBACK, findings, phono
from tests.endtoend.final_states import tree
from tests.storage.archives import FIRST, SECOND, make, payload
from tests.storage.server import CREDENTIALS, REGION, Server

pytestmark = [pytest.mark.xdist_group("swift"), pytest.mark.sqlite("commands run in forked processes")]


def test_a_bucket_is_followed_by_a_mirror(server: Server, credentials: None, tmp_path: Path) -> None:
    bucket = f"s3://{server.make_bucket(public=True)}"
    web = server.public_url(f"{bucket}/archive")
    kept = make(tmp_path, url=web, env=CREDENTIALS)
    kept.settings(
        public=f"{bucket}/archive", bags=f"{bucket}/archive/bags", endpoint=server.url, region=REGION
    )
    done = kept.phono("publish", "--date", FIRST)
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in done.out + done.err
    assert payload(kept.folder) == []
    assert tree(kept.folder / "vault" / "incoming") == {}
    assert len(list((kept.folder / "vault" / "bags").glob("*/bagit.txt"))) == 2  # tag files stay
    assert findings(kept.folder) == []
    phono("mirror", web, tmp_path / "mirror", "--budget", "1GB", "--once", "--no-discovery", *LOOPBACK[:2])
    assert len(payload(tmp_path / "mirror")) >= 3
    assert findings(tmp_path / "mirror") == []
    kept.phono("publish", "--date", SECOND)  # nothing new: nothing happens
    assert findings(kept.folder) == []
