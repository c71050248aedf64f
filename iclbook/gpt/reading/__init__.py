"""A context read once, and what is kept of the queries behind it."""
