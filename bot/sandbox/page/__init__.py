"""The chat page: Discord for people without an account, in a browser on this machine."""
