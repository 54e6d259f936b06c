# Copyright (c) 2026, Ridgetop Developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client's side of SCRAM-SHA-256, by which PostgreSQL asks for passwords."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 7677), without channel binding."""

    def __init__(self, password: str, nonce: str = "", user: str = "") -> None:
        self._password = unicodedata.normalize("NFKC", password)
        # PostgreSQL takes the user from the startup message, and wants none here.
        self._bare = f"n={user},r={nonce or base64.b64encode(secrets.token_bytes(18)).decode()}"

    def first(self) -> str:
        """The first message."""
        return f"n,,{self._bare}"

    def final(self, answer: str) -> str:
        """The second message, to the server's first. Raises ValueError and IndexError where that is none."""
        told = dict(part.split("=", 1) for part in answer.split(","))
        if not {"r", "s", "i"} <= told.keys():
            raise ValueError("an incomplete SCRAM message")
        salt, rounds = base64.b64decode(told["s"]), int(told["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), salt, rounds)
        client = hmac.digest(salted, b"Client Key", "sha256")
        bare = f"c=biws,r={told['r']}"
        signed = f"{self._bare},{answer},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(client).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(client, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}"
