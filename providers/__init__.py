"""The backends that render. Siblings do not know each other; all of them look like `Provider`."""
