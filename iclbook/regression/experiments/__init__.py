"""Recorded experiments of Part II, one module each."""
