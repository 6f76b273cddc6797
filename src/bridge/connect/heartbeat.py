"""The outside heartbeat: one GET to an address that a dead man's switch gave."""

from __future__ import annotations

import requests

TIMEOUT_S = 10.0


def send_heartbeat(address: str) -> None:
    """Ask for the address. Follows no redirect and takes nothing from the environment.

    Raises OSError (requests' errors are such) that tells nothing of the address, which may hold a secret.
    """
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.get(address, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
        except (requests.RequestException, ValueError) as error:
            raise OSError(f"no answer ({type(error).__name__})") from None
        if not 200 <= response.status_code < 300:
            raise OSError(f"answered with {response.status_code}")
