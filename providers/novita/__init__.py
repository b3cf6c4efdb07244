"""Novita's hosted text to video, which takes prompts with frames as Flipbook itself does."""

from providers.novita.client import NovitaApi

__all__ = ["NovitaApi"]
