"""Recorded cells, and tables of them beside the paper's."""
