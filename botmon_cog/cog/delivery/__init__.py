"""How news reaches the people who run the bot."""

from botmon_cog.cog.delivery.delivery import Delivery
from botmon_cog.cog.delivery.letter import Draw, MakeView

__all__ = ["Delivery", "Draw", "MakeView"]
