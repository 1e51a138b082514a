"""The study on the built-in world; `examples/study.py` is its command line."""
