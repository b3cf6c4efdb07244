"""The REST API: one request in, one reply out, written down, with trouble on demand."""
