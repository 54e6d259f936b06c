# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP request to a URL, through a proxy where the environment names one."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.ridgetop.aidis.plugins.module_utils.net import (
    Deadline,
    Endpoint,
    HttpConnection,
    NetError,
    Stream,
    connect,
    excerpt,
    tls_context,
    tls_error,
)

MAX_HEAD_BYTES = 1024 * 1024
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Request:
    """What to ask and how; ``seconds`` is for the whole."""

    url: str
    method: str = "GET"
    validate_certs: bool = True
    ca_path: str | None = None
    use_proxy: bool = True
    seconds: float = 10.0


def status_of(request: Request) -> int:
    """The status of the answer; its body is not read. Raises NetError, ValueError for the URL."""
    url = parsed(request.url)
    deadline = Deadline(request.seconds)
    tls = None
    if url.scheme == "https":
        tls = tls_context(request.validate_certs, request.ca_path)
    target = Endpoint(url.hostname or "", url.port or PORTS[url.scheme], tls)
    path = url._replace(scheme="", netloc="", fragment="").geturl() or "/"
    headers = {"User-Agent": "ridgetop.aidis", "Connection": "close"}
    proxy = _proxy(url) if request.use_proxy else None
    if proxy is None:
        connection = HttpConnection(target, request.seconds, MAX_HEAD_BYTES)
    elif tls is None:
        headers.update(_authorization(proxy))
        path = url._replace(fragment="").geturl()
        connection = HttpConnection(_endpoint(proxy), request.seconds, MAX_HEAD_BYTES)
    else:
        connection = HttpConnection(
            target,
            request.seconds,
            MAX_HEAD_BYTES,
            connector=lambda endpoint, limit: _tunnel(proxy, endpoint, limit),
        )
    try:
        return connection.request(request.method, path, headers, None, deadline).status
    finally:
        connection.close()


def parsed(text: str) -> SplitResult:
    """Take a URL apart. Raises ValueError unless it is http or https with a host."""
    url = urlsplit(text)
    if url.scheme not in PORTS or not url.hostname:
        raise ValueError("url must begin with http:// or https:// and name a host")
    if url.username is not None or url.password is not None:
        raise ValueError("url must not hold credentials")
    if url.port == 0:
        raise ValueError("port must be between 1 and 65535")
    return url


def _proxy(url: SplitResult) -> SplitResult | None:
    named = getproxies().get(url.scheme)
    if not named or proxy_bypass(url.hostname or ""):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if not proxy.hostname:
        raise NetError("the environment names a proxy without a host")
    return proxy


def _endpoint(proxy: SplitResult) -> Endpoint:
    tls = tls_context() if proxy.scheme == "https" else None
    return Endpoint(proxy.hostname or "", proxy.port or PORTS.get(proxy.scheme, 3128), tls)


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    plain = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(plain.encode()).decode()}


def _tunnel(proxy: SplitResult, endpoint: Endpoint, deadline: Deadline) -> Stream:
    """Connect through a proxy by CONNECT and go on in TLS. Raises NetError."""
    through = _endpoint(proxy)
    stream = connect(through, deadline)
    try:
        stream.begin(deadline, MAX_HEAD_BYTES)
        lines = [f"CONNECT {endpoint} HTTP/1.1", f"Host: {endpoint}"]
        lines += [f"{name}: {value}" for name, value in _authorization(proxy).items()]
        stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = stream.reader.readline()
        while stream.reader.readline().strip():
            continue
        if answer.split()[1:2] != [b"200"]:
            raise NetError(f"the proxy {through} refused: {excerpt(answer) or 'no answer'}")
        if endpoint.tls is not None:
            stream.start_tls(endpoint.tls, endpoint.host)
    except ssl.SSLError as error:
        stream.close()
        raise tls_error(endpoint, error) from None
    except (NetError, OSError) as error:
        stream.close()
        raise error if isinstance(error, NetError) else NetError(str(error)) from None
    return stream
