"""A real-time push cluster: back ends publish over HTTP, browsers receive over WebSocket."""

from tpush.connect import connect
from tpush.interfaces import IChannel
from tpush.message import Job, Message
from tpush.receipt import Counts, Receipt

__all__ = ["Counts", "IChannel", "Job", "Message", "Receipt", "connect"]
