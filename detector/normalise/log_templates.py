"""Mines the templates of log lines online, each service apart.

Drain: P. He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017.
"""

from collections import OrderedDict

from drain3.drain import Drain

from detector.normalise.redaction import redacted, without_variables
from detector.normalise.untrusted_text import one_line
from detector.series import ServiceId

MAX_LINE = 300


def masked(body: str) -> str:
    """A log body's first line without secrets and without what differs from line to line."""
    return one_line(without_variables(redacted(body.lstrip()[:1000].split("\n", 1)[0])), MAX_LINE)


class LogTemplates:
    """The templates of every service: at most `max_templates` each, of at most `max_services` services.

    Those not met for longest make room. A template met again after that counts as new once more.
    """

    def __init__(self, max_templates: int, max_services: int = 1000) -> None:
        self._max_templates = max_templates
        self._max_services = max_services
        self._miners: OrderedDict[ServiceId, Drain] = OrderedDict()

    def of(self, service: ServiceId, body: str) -> tuple[str, bool]:
        """The template of a log body's first line, and whether it is a new one. Secrets are masked first."""
        line = masked(body)
        cluster, change = self._miner(service).add_log_message(line)
        return one_line(cluster.get_template(), MAX_LINE), change == "cluster_created"

    def _miner(self, service: ServiceId) -> Drain:
        miner = self._miners.get(service)
        if miner is None:
            if len(self._miners) >= self._max_services:
                self._miners.popitem(last=False)
            miner = self._miners[service] = Drain(max_clusters=self._max_templates, max_children=50)
        self._miners.move_to_end(service)
        return miner
