"""The commands of moderators and managers, their pages, and the log channel."""
