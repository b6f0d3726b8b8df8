"""Where the user made a node."""

cpdef object caller()
