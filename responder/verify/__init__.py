"""Verification: did the telemetry come back to normal after an action?"""

from responder.verify.config import Verification, VerifyConfig
from responder.verify.detector_client import DetectorClient
from responder.verify.detector_query import DetectorDetails, DetectorQuery, DetectorUnavailable
from responder.verify.verifier import Verifier

__all__ = [
    "DetectorClient",
    "DetectorDetails",
    "DetectorQuery",
    "DetectorUnavailable",
    "Verification",
    "Verifier",
    "VerifyConfig",
]
