"""Products of a loop by matrices that stay the same."""
from cytensor._loops cimport loop_t, ready_t
from cytensor._plan cimport Plan, step_t
from cytensor._program cimport ct_ready_products


cdef class Ready:
    """Which products of a body have a factor that is made ready before the first step."""
    cdef const ct_ready_products *products
    cdef loop_t *loop
    cdef int first_const        # the first operand of the loop that is a constant
    cdef int find(self, Plan inner) except -1
    cdef bint look_at(self, Plan inner, step_t *s, int factor)
    cdef bint is_found(self, ready_t *r, int tensor)
