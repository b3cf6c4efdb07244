"""Trains the embedded model `shapes` from nothing, on clips that it draws itself.

`python -m training.shapes` trains, `.measure` says how well it follows prompts, `.pictures` draws
the documentation's pictures. The rooms, in the order in which a clip passes them: `scenes` (what
can be in a clip) -> `networks` -> `learning` -> the shipped folder -> `judging`.
"""
