"""The books: limits, extras, buckets and the ledger, and the admission that writes them."""
