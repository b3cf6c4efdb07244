"""The HTTP front door; for now it says whether Flipbook is well."""
