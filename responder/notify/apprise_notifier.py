"""Messages through Apprise: Slack, Teams, mail, PagerDuty and whatever else it has a URL for.

Apprise tells in its log why it failed, and puts keys and URLs there as well. So its log goes nowhere; of what
it says only a status code and the kind of the failure are taken.
"""

import logging
import re
import threading
from collections.abc import Iterator

import apprise
from pydantic import SecretStr

from responder.notify.message import Failure, Message, NotDeliveredError, Urgency

MAX_HANGING = 4

_TYPES = {
    Urgency.INFO: apprise.NotifyType.INFO,
    Urgency.SUCCESS: apprise.NotifyType.SUCCESS,
    Urgency.WARNING: apprise.NotifyType.WARNING,
    Urgency.FAILURE: apprise.NotifyType.FAILURE,
}
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_UNREACHABLE = re.compile(r"\b(?:connection|socket|connect)\b", re.IGNORECASE)


class UnusableUrlError(Exception):
    """Apprise cannot use the URL; the text says why, and holds nothing of it but its scheme."""


class AppriseNotifier:
    """Delivers to one Apprise URL, each message within `timeout_s` seconds.

    A delivery that takes longer is given up, and its thread left to end by itself: while `MAX_HANGING` of
    them have not, no further one begins. Raises `UnusableUrlError`.
    """

    def __init__(self, url: SecretStr, timeout_s: float) -> None:
        _silence_apprise()
        self._url = url
        self._timeout_s = timeout_s
        self._hanging: list[threading.Thread] = []
        # Retries and time limits are ours; nothing is kept on disk, and nothing fetched from elsewhere.
        self._asset = apprise.AppriseAsset(
            service_timeout=0,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            secure_logging=True,
            allow_templates=False,
            async_mode=False,
            http_redirects=False,
            pgp_autogen=False,
            pem_autogen=False,
            interpret_emojis=False,
            interpret_escapes=False,
            app_id="AegisOps",
            app_desc="AegisOps",
            app_url="",
            image_url_mask="",
            image_url_logo="",
        )
        self.kind = str(self._service().service_name)

    def send(self, message: Message) -> None:
        """Deliver, or raise `NotDeliveredError`."""
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MAX_HANGING:
            raise NotDeliveredError(Failure.TIMEOUT, f"{MAX_HANGING} deliveries before it still hang")
        results: list[apprise.AppriseResult | str] = []
        thread = threading.Thread(
            target=self._deliver, args=(message, results), name="notification", daemon=True
        )
        thread.start()
        thread.join(self._timeout_s)
        if not results:
            self._hanging.append(thread)
            raise NotDeliveredError(Failure.TIMEOUT, f"no answer within {self._timeout_s:g} s")
        result = results[0]
        if isinstance(result, str):
            raise NotDeliveredError(Failure.FAILED, f"Apprise failed ({result})")
        if not result:
            raise _failure(result)

    def _deliver(self, message: Message, results: list[apprise.AppriseResult | str]) -> None:
        try:
            service = self._service()
            # Receivers that have incidents of their own take a repeated message as the same one.
            if not getattr(service, "dedup", message.topic):
                service.dedup = message.topic  # type: ignore[attr-defined]  # of those that have it
            results.append(
                apprise.Apprise(service, asset=self._asset).notify(
                    body=message.body,
                    title=message.title,
                    notify_type=_TYPES[message.urgency],
                    body_format=apprise.NotifyFormat.TEXT,
                )
            )
        except Exception as error:  # noqa: BLE001 - raised by whoever waits; its text could hold the URL
            results.append(type(error).__name__)

    def _service(self) -> apprise.NotifyBase:
        """A new one for each delivery: it carries no state of one that hangs, and no pause between two."""
        url = self._url.get_secret_value()
        service = apprise.Apprise.instantiate(url, asset=self._asset)
        if service is None:
            scheme = url.partition("://")[0].lower()
            known = apprise.NotificationManager().schemas()  # type: ignore[no-untyped-call]  # of a singleton
            if scheme not in known:
                raise UnusableUrlError("it does not begin with a scheme that Apprise knows, such as slack://")
            raise UnusableUrlError(f"it is not what Apprise needs for {scheme}://")
        return service


def _failure(result: apprise.AppriseResult) -> NotDeliveredError:
    said = list(_said(result))
    for text in said:
        if status := _STATUS.search(text):
            return NotDeliveredError(Failure.REFUSED, f"the receiver answered with status {status[1]}")
    if any(_UNREACHABLE.search(text) for text in said):
        return NotDeliveredError(Failure.UNREACHABLE, "the receiver cannot be reached")
    return NotDeliveredError(Failure.FAILED, "the receiver did not take it")


def _said(result: apprise.AppriseResult) -> Iterator[str]:
    for service in result.results:
        for entry in service.logs():
            yield entry.message


def _silence_apprise() -> None:
    """What Apprise logs, at any level, stays with the result of the call it belongs to; the libraries it uses
    log addresses with their keys at DEBUG."""
    logger = logging.getLogger(apprise.LOGGER_NAME)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    for name in ("urllib3", "requests_oauthlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
