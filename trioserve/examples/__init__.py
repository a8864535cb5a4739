"""Plug-ins to use and to learn from: ``trioserve --plugin trioserve.examples.dice``."""
