"""Finite prompts against finite responses, with everything known in closed form."""
