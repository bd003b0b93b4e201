"""All that can be set about the judgement."""

from dataclasses import dataclass, field

from detector.correlate.lifecycle import LifecycleConfig


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine judges. Times in seconds.

    `fading`: weight of the newest sample in a baseline. `warm_up`: samples before a series is judged.
    `bar`: standard deviations from the mean from which a sample may be outside. `opening`: probability
    that something is wrong from which an incident opens. `together_s`: an anomaly that ended counts with
    others for so long. `suspicion_intervals`: for so many export intervals at most an incident waits to open
    while the next sample of another series may show it to be another fault. `gathering_s`:
    after opening, for so long the type follows the evidence freely.
    `closing_s`: all must be normal for so long; what begins after `settled_s` of that is another incident,
    and the first closes at once. An open incident is reported again at most every `report_every_s`, and
    every `refresh_every_s` when only its numbers moved. `relearn_s` (`relearn_context_s` for traffic): a
    level that lasts so long without opening an incident is the new normal. `accept_after_s`: an incident
    in which nothing new happened for so long is taken as the new normal, unless the service is silent.
    `recurrence_s`: a fault of the same type within this time after closing is linked to the one before.
    `worse_after_s`: what begins later than this after opening is no symptom of the fault itself.
    `log_bytes`: of log lines kept for each of the `log_services` that logged last. The rest are bounds on
    memory and reach.
    """

    fading: float = 0.02
    warm_up: int = 15
    bar: float = 4.0
    opening: float = 0.6
    together_s: float = 5.0
    suspicion_intervals: float = 1.2
    gathering_s: float = 5.0
    closing_s: float = 10.0
    settled_s: float = 4.0
    report_every_s: float = 1.0
    refresh_every_s: float = 3.0
    relearn_s: float = 300.0
    relearn_context_s: float = 60.0
    accept_after_s: float = 3600.0
    recurrence_s: float = 3600.0
    worse_after_s: float = 5.0
    spike_memory_s: float = 900.0
    forecast_horizon_s: float = 600.0
    trend_samples: int = 192
    max_watched: int = 20_000
    max_trends: int = 10_000
    max_services: int = 5_000
    max_forests: int = 100
    combination_every_s: float = 1.0
    combination_bar: float = 0.95
    history: int = 500
    log_bytes: int = 128 * 1024
    log_services: int = 200
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)
