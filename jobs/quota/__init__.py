"""Who may make how much: the limits, the books that they are held to, and what is told of both."""
