"""Programs that work on the book: running chapters, building editions, the Sphinx extension."""
