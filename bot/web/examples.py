"""Bodies that work, shown in the OpenAPI document and on the page.

`$KEY`, `$MODEL` and `$ID` stand for the caller's own, so that a shell can fill them in.
"""

from collections.abc import Mapping

V4_EXAMPLE: Mapping[str, object] = {
    "key": "$KEY",
    "model_id": "$MODEL",
    "prompt": "a red circle moving left on a blue background",
    "negative_prompt": None,
    "width": "512",
    "height": "512",
    "scheduler": None,
    "num_inference_steps": "20",
    "enhance_prompt": "no",
    "guidance_scale": 7.5,
    "seed": None,
    "webhook": None,
    "track_id": None,
}
V6_EXAMPLE: Mapping[str, object] = {
    "key": "$KEY",
    "model_id": "$MODEL",
    "prompt": "a red circle moving left on a blue background",
    "width": 256,
    "height": 256,
    "num_frames": 16,
    "fps": 8,
    "output_type": "mp4",
    "num_inference_steps": 20,
    "guidance_scale": 7,
    "seed": 7,
}
NOVITA_EXAMPLE: Mapping[str, object] = {
    "model_name": "$MODEL",
    "height": 512,
    "width": 512,
    "steps": 20,
    "seed": -1,
    "prompts": [
        {"frames": 16, "prompt": "a red circle moving left on a blue background"},
        {"frames": 16, "prompt": "a green square moving right on a blue background"},
    ],
    "closed_loop": True,
}
