"""Is a host this machine?"""

import ipaddress


def is_loopback(host: str) -> bool:
    """True where `host` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
