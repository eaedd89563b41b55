"""Buttons: what stands under a message. They are answered in `views.component_router`."""

from botmon_cog.cog.views.buttons import HealthView, health_buttons, notice_buttons

__all__ = ["HealthView", "health_buttons", "notice_buttons"]
