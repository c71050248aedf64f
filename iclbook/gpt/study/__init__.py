"""Cells and studies: one model, task, seed and learning rate; many of them."""
