"""Compiled kernels: kept on disk by what they were made from, verified, and loaded."""
