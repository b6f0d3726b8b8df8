"""The pipeline: the only place that knows the order of passes, and the devices."""
