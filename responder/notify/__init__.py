"""Telling people: what they are told, by which channels, and its delivery."""

from responder.notify.channels import Channel, ChannelsError, load_channels, routes
from responder.notify.delivery import Desk, NotificationMetrics, Notifying
from responder.notify.message import Failure, Message, NotDeliveredError, Notifier, Urgency
from responder.notify.wording import Wording, trial_message

__all__ = [
    "Channel",
    "ChannelsError",
    "Desk",
    "Failure",
    "Message",
    "NotDeliveredError",
    "NotificationMetrics",
    "Notifier",
    "Notifying",
    "Urgency",
    "Wording",
    "load_channels",
    "routes",
    "trial_message",
]
