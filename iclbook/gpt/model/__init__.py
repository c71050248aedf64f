"""Language models: where they come from, and where the parts of each family sit."""
