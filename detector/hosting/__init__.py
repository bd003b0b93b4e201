"""What a server process needs around its work: settings, an HTTP port, logs, telemetry about itself.

It knows nothing of detection, and is the one part of this package, beside the published types, that the
responder shares.
"""

from detector.hosting.exposition import Exposition, metrics_router
from detector.hosting.http_server import HttpAddressError, HttpServer
from detector.hosting.logs import set_up_logging
from detector.hosting.own_telemetry import Providers
from detector.hosting.setting_faults import SettingsError, read_settings

__all__ = [
    "Exposition",
    "HttpAddressError",
    "HttpServer",
    "Providers",
    "SettingsError",
    "metrics_router",
    "read_settings",
    "set_up_logging",
]
