"""The plan maker."""
from libc.stdint cimport int64_t

from cytensor._plan cimport Plan
from cytensor._program cimport Program, Segment, array_t


cdef Plan make_plan(Program program, Segment segment, const array_t *arrays, int64_t *regs)
