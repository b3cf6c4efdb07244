"""Discord's door: thin commands, cards, buttons, and the way a finished video is posted.

A cog parses, calls one method of the desk or the service, and answers. What a job looks like
is decided by pure functions (`cards`, `results`, `pages`); `delivery` brings it to a channel.
"""
