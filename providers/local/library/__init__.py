"""What there is to render with, on the bot's side: looked at, added and offered without torch.

A file is recognised by the names and shapes in its header. `registry` keeps where each came from,
`catalogue` says what can be asked for, `adding` takes a new one in.
"""
