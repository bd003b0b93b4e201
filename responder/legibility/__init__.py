"""Whether a text is fit to be read by a person: nothing garbled, nothing that only looks like a word."""

from responder.legibility.gate import Gate
from responder.legibility.lexicon import Lexicon
from responder.legibility.verdict import Fault, Legibility

__all__ = ["Fault", "Gate", "Legibility", "Lexicon"]
