"""From a graph to a program: sizes, fused groups, buffers, steps."""
