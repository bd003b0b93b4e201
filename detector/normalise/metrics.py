"""Metrics: the points of a resource, read into samples.

For each stream (metric, attributes, instance) only points later than the last one count; see
`StreamTime` for duplicates, late points and resets. A sample carries the point's own time, or the time
of receipt where that is more than `max_skew_s` away; rates are always taken from the sender's times.
"""

from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from detector.normalise.attributes import AttributeLimits
from detector.normalise.decode import Decoder, Numbers
from detector.normalise.histogram_points import HistogramReader
from detector.normalise.instances import Instance
from detector.normalise.number_points import NumberReader
from detector.normalise.sample_columns import SampleColumns
from detector.normalise.shares import ShareRules
from detector.normalise.streams import EXPORT_GAP_S, InstanceStreams, Reading, StreamLimits
from detector.series import SeriesRegistry


class MetricReader:
    """Reads metrics into samples. Per instance at most `max_streams` streams; points of more are dropped.

    `dropped` counts the points dropped for that reason or because their metric was refused, `unusable`
    those that no one could use.
    """

    def __init__(
        self,
        registry: SeriesRegistry,
        attributes: AttributeLimits,
        rules: ShareRules,
        *,
        max_streams: int,
        max_skew_s: float,
    ) -> None:
        self._decoder = Decoder()
        self._limits = StreamLimits(attributes, max_streams)
        self._numbers = NumberReader(registry, self._limits, rules)
        self._histograms = HistogramReader(registry, self._limits)
        self._max_skew_s = max_skew_s
        self._streams: dict[int, InstanceStreams] = {}

    @property
    def dropped(self) -> int:
        """Points dropped for want of room."""
        return self._limits.dropped

    @property
    def unusable(self) -> int:
        """Points that can never be used."""
        return self._decoder.unusable

    def read(
        self, of_resource: ResourceMetrics, instance: Instance, received_at: float, out: SampleColumns
    ) -> None:
        """Add what the metrics of one resource come to."""
        streams = self._streams.get(instance.slot)
        if streams is None:
            streams = self._streams[instance.slot] = InstanceStreams()
        reading = Reading(streams, instance, received_at, self._max_skew_s, out)
        for columns in self._decoder.columns(of_resource):
            if isinstance(columns, Numbers):
                self._numbers.read(columns, reading)
            else:
                self._histograms.read(columns, reading)
        self._numbers.add_shares(reading)
        _add_zeros(reading)
        reading.tell_start()

    def forget(self, slot: int) -> None:
        """Drop the streams of an instance."""
        self._streams.pop(slot, None)


def _add_zeros(reading: Reading) -> None:
    """Delta streams say nothing while nothing happens: rate 0 for each export they were missing from."""
    missed = reading.streams.exported_before
    if missed is None:
        return
    for stream in reading.streams.deltas:
        if not stream.folded and stream.time.time < missed - EXPORT_GAP_S and stream.zeroed < missed:
            stream.zeroed = missed
            reading.out.add(stream.zero_series, reading.instance.slot, missed, 0.0)
