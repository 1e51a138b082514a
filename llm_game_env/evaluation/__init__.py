"""Evaluation of players: by verdict, in the worst case, as attackers; curves and tables."""
