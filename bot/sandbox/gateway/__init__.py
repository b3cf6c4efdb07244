"""The gateway: websocket sessions, their events, and how they are resumed."""
