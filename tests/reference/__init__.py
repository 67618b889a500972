"""An independent reference calculation of receipts, written from the specification alone."""

from .oracle import calculate

__all__ = ["calculate"]
