"""One game played through every view at once: see `machine`."""
