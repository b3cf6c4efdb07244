"""The engine of one's own: AnimateDiff through diffusers, in one worker process per device.

The bot's side is this folder and `library`: who is asked to render (`provider`, `workers`,
`process`, `renders`, `pulse`) and what there is to render with. It never imports torch, also not
indirectly. The worker's side is `engine`, started with `python -m` only. Both know `wire`,
`capabilities`, `emphasis`, `wording` and `library.weights`. `models` and `configs` are data: the
model `shapes` with its extras, and what SD 1.5 and its motion modules look like without weights.
"""
