"""The HTTP front door: whether Flipbook is well, and the webhooks of hosted providers."""
