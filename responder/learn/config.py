"""What can be set about the runbook."""

from dataclasses import dataclass, field

from responder.learn.decay import Decay
from responder.learn.exchange import MAX_INCIDENT_IDS, MAX_PATTERN_CHARS, MAX_PATTERNS


@dataclass(frozen=True, slots=True)
class RunbookConfig:
    """Bounds, and the two similarities (cosines, 0 to 1).

    From `match_similarity` on an entry is worth showing, from `merge_similarity` on an incident belongs
    to it. `refresh_s`: how often at most is looked for what other responders learned.
    """

    decay: Decay = field(default_factory=Decay)
    match_similarity: float = 0.5
    merge_similarity: float = 0.6
    refresh_s: float = 2.0
    max_entries: int = 1_000
    max_imported: int = 1_000
    max_lessons: int = 5_000
    max_lessons_an_entry: int = MAX_INCIDENT_IDS
    max_patterns: int = MAX_PATTERNS
    max_pattern_chars: int = MAX_PATTERN_CHARS
