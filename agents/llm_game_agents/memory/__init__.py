"""What a run needs of a device's memory: found by small passes, planned without weights."""
