"""The main job: the demo, or your own models.

`llm-game train` and `examples/train_gpo.py` run it; it begins in `job`.
"""
