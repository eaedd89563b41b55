"""Buttons: what stands under a message. They are answered in `views.presses`."""

from botmon_cog.cog.views.buttons import HealthView, health_buttons, news_buttons

__all__ = ["HealthView", "health_buttons", "news_buttons"]
