"""Finetuning on the demonstrations, and back to the base weights."""
