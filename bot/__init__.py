"""Starts Flipbook and wires it: settings, command line, Discord client, HTTP, sandbox."""

__version__ = "0.1.0"
