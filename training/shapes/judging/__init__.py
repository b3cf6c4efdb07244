"""Whether it worked: `renders` makes clips, `judge` says what is in them by the pixels alone."""
