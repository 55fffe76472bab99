"""Connections to web servers: straight, or through a proxy that resolves all names."""

from __future__ import annotations

from typing import Any

import urllib3
from urllib3.contrib.socks import SOCKSProxyManager

from phonotheque.model.proxies import Proxy


def web_pool(proxy: Proxy | None = None, **options: Any) -> urllib3.PoolManager:
    """Return what asks web servers; ``options`` are those of urllib3's PoolManager.

    Proxies that the environment names are not used: what is set here is all that counts.
    """
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.kind == "socks5":
        return SOCKSProxyManager(proxy.url, **options)
    access = f"{proxy.user}:{proxy.password}" if proxy.user else None
    headers = urllib3.make_headers(proxy_basic_auth=access) if access else None
    return urllib3.ProxyManager(proxy.where, proxy_headers=headers, **options)
