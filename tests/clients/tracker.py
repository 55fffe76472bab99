"""A BitTorrent tracker on loopback that tells each peer of those that had all from the start (BEP 3, BEP 23).

Not of the others: many clients take peers with the same address for one, and those of earlier tests are gone.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote_to_bytes, urlsplit


@contextmanager
def tracker() -> Iterator[str]:
    """Run one; yield the address to announce to."""
    known: defaultdict[bytes, set[tuple[str, int]]] = defaultdict(set)

    class Announce(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not urlsplit(self.path).path.endswith("/announce"):
                self.send_error(404)  # there are no scrapes
                return
            query = dict(part.split("=", 1) for part in urlsplit(self.path).query.split("&"))
            swarm = known[unquote_to_bytes(query["info_hash"])]
            me = (self.client_address[0], int(query["port"]))
            others = b"".join(socket.inet_aton(host) + struct.pack(">H", port) for host, port in swarm - {me})
            if query.get("event") == "started" and query.get("left") == "0":
                swarm.add(me)
            answer = b"d8:intervali2e5:peers%d:%se" % (len(others), others)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Announce) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/announce"
        finally:
            server.shutdown()
            thread.join()
