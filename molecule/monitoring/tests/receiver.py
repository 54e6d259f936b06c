# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A receiver of notifications, run on the watcher by the tests: it keeps what it is sent, and when.

POST of anything anywhere is a notification. GET /?after=N&seconds=S answers the N+1st and all later ones, and waits for
it where it has not come, so that a test need not ask again and again.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEPT: list[dict[str, Any]] = []
CAME = threading.Condition()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Keep a notification."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with CAME:
            KEPT.append({"path": self.path, "at": time.time(), "alerts": body["alerts"]})
            CAME.notify_all()
        self._answer({})

    def do_GET(self) -> None:
        """Tell what came, as soon as there is something to tell."""
        asked = parse_qs(urlsplit(self.path).query)
        after, seconds = int(asked["after"][0]), float(asked["seconds"][0])
        with CAME:
            CAME.wait_for(lambda: len(KEPT) > after, seconds)
            found = KEPT[after:]
        self._answer({"kept": found, "next": after + len(found)})

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
