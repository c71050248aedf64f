"""What is asked: tasks, their rows, and prompts as token ids."""
