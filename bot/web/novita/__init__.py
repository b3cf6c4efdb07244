"""Novita's txt2video, served: code that was written for that service runs against one's own GPU."""

from bot.web.novita.answers import callback_body
from bot.web.novita.routes import NovitaDoor

__all__ = ["NovitaDoor", "callback_body"]
