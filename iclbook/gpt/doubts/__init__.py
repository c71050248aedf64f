"""Experiments of Part V on language models."""
