# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference application, built once and served in containers of the project's own image."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ansible_collections.ridgetop.aidis.tests.integration.clusters import CONTAINERS, completed, free_port

IMAGE = "trixie-prebaked"
SOURCE = Path(__file__).resolve().parents[1] / "reference_app" / "app"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SECRET = "of the integration tests, 32 characters or more"
PODMAN = str(CONTAINERS / "bin" / "podman")
# As a deployment builds it. Podman passes the environment's proxies, and the image trusts the host's certificates.
BUILD = "npm ci --no-audit --no-fund --ignore-scripts && npm run --silent build && npm prune --omit=dev --no-audit"


def image(name: str = IMAGE) -> str:
    """The reference of one of the project's images, which is made where it is missing."""
    return completed([str(CONTAINERS / "image" / "build"), name]).strip().splitlines()[-1]


def unique(purpose: str) -> str:
    """A name for a container that no other run of the tests has."""
    return f"aidis-integration-{purpose}-{os.getpid()}-{os.urandom(4).hex()}"


@contextmanager
def container(purpose: str, *arguments: str) -> Iterator[str]:
    """A container that is started with the arguments of ``podman run`` and is removed in any case; its name."""
    name = unique(purpose)
    try:
        completed([PODMAN, "run", "--detach", "--name", name, *arguments])
        yield name
    finally:
        completed([PODMAN, "rm", "--force", "--ignore", "--volumes", "--time=0", name])


@contextmanager
def built() -> Iterator[Path]:
    """The application's package, built in a directory of its own that is gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="aidis-application-"))
    cache = Path(os.environ.get("AIDIS_CACHE_DIR", home / "cache")) / "npm" / "aidis-integration"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        # Without what a developer may have built in place.
        shutil.copytree(SOURCE, home / "app", ignore=shutil.ignore_patterns("node_modules", "dist"))
        volumes = [f"--volume={home}/app:/srv/app", f"--volume={cache}:/var/cache/npm"]
        settings = ["--env=npm_config_cache=/var/cache/npm", f"--env=npm_config_cafile={CERTIFICATES}"]
        work = ["--network=host", "--workdir=/srv/app/mcp-server", image(), "sh", "-ec", BUILD]
        completed([PODMAN, "run", "--rm", "--name", unique("build"), *volumes, *settings, *work])
        yield home / "app"
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Served:
    """A running server, its ports on the loopback, and the name of its container."""

    mcp_port: int
    http_port: int
    name: str

    def log(self) -> str:
        """What it has written so far."""
        return completed([PODMAN, "logs", self.name])


def database_url(port: int, database: str, user: str, password: str) -> str:
    """How the application is told of its database."""
    return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def migrate(app: Path, url: str) -> None:
    """Apply the application's migrations."""
    completed([PODMAN, "run", "--rm", "--name", unique("migrate"), *_place(app, url), "node", "dist/migrate.js"])


@contextmanager
def serving(app: Path, url: str) -> Iterator[Served]:
    """A server on free ports, started and not waited for."""
    mcp_port, http_port = free_port(), free_port()
    ports = [f"--env=MCP_PORT={mcp_port}", f"--env=HTTP_PORT={http_port}"]
    addresses = ["--env=MCP_HOST=127.0.0.1", "--env=HTTP_HOST=127.0.0.1", "--env=NODE_ENV=production"]
    with container("server", *ports, *addresses, *_place(app, url), "node", "dist/server.js") as name:
        yield Served(mcp_port, http_port, name)


def _place(app: Path, url: str) -> list[str]:
    """Where its programs run; secrets in a file, for a command line can be read by others."""
    (app / "env").write_text(f"DATABASE_URL={url}\nJWT_SECRET={SECRET}\n", encoding="utf-8")
    return [
        "--network=host",
        f"--volume={app}:/srv/app:ro",
        "--env=ENV_FILE=/srv/app/env",
        "--workdir=/srv/app/mcp-server",
        image(),
    ]


def token(subject: str, secret: str = SECRET) -> str:
    """A bearer token that the application takes."""
    parts = [_part(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": subject})]
    signed = ".".join(parts)
    return f"{signed}.{_part(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
