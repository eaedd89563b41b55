"""How notices reach the people who run the bot."""

from botmon_cog.cog.delivery.delivery import Delivery

__all__ = ["Delivery"]
