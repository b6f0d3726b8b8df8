"""Graphs that also compute derivatives."""
