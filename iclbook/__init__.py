"""Helper package of the book *In-Context Learning as Gradient Descent*."""

__version__ = "0.1.0"
