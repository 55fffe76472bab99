"""Connections to web servers: straight, or through a proxy that resolves all names."""

from __future__ import annotations

import socket
from typing import Any

import urllib3
from urllib3.contrib.socks import SOCKSProxyManager

from phonotheque.mirrors.patience import breakable
from phonotheque.model.proxies import Proxy


def web_pool(proxy: Proxy | None = None, **options: Any) -> urllib3.PoolManager:
    """Return what asks web servers; ``options`` are those of urllib3's PoolManager.

    Proxies that the environment names are not used: what is set here is all that counts.
    """
    pool = _pool(proxy, options)
    classes: Any = pool.pool_classes_by_scheme
    pool.pool_classes_by_scheme = {scheme: _breakable(one) for scheme, one in classes.items()}
    return pool


def _pool(proxy: Proxy | None, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.kind == "socks5":
        return SOCKSProxyManager(proxy.url, **options)
    access = f"{proxy.user}:{proxy.password}" if proxy.user else None
    headers = urllib3.make_headers(proxy_basic_auth=access) if access else None
    return urllib3.ProxyManager(proxy.where, proxy_headers=headers, **options)


def _breakable(pool: Any) -> Any:
    """Return a class of connections of which waiting for the head of an answer can be broken off, too."""
    connection = pool.ConnectionCls

    def getresponse(self: Any) -> Any:
        sock = self.sock
        with breakable(lambda: sock.shutdown(socket.SHUT_RDWR)):
            return connection.getresponse(self)

    ours = type(connection.__name__, (connection,), {"getresponse": getresponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": ours})
