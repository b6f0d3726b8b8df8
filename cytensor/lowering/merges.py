"""Ops of a tile program that one kernel computes together: pairs of arithmetic, sums of products.

A pass over a tile costs about as much as the arithmetic that it does, so fewer passes are faster.
The kernels round as often as the ops that they stand for: the results are the same bits.
"""
from cytensor.lowering.groups import FULL, KEPT

MAP, FOLD, PICK, UNPICK, GATHER, ARG, SCATTER = range(7)    # enum ct_tile_kind
COMPUTED, ARRAY, COUNT, APART = range(4)        # enum ct_source


class Merger:
    """Merges the ops of one group.

    Parameters
    ----------
    ops : list of tuple
        (kind, level, phase, out, ins, weight, fn, fn2, identity), as `GroupSpec` takes them.
    names : list of str
        Their names.
    scalars : list of list
        Which nodes each of them computes.
    values : list of tuple
        (level, dtype, source, operand).
    stored : set of int
        The values that are read outside of the group.
    device : object
        Where kernels are found.
    """

    def __init__(self, ops, names, scalars, values, stored, device):
        self.ops = list(ops)
        self.names = names
        self.scalars = list(scalars)
        self.values = values
        self.stored = stored
        self.device = device
        self._maker = {op[3]: i for i, op in enumerate(ops)}
        self._readers = {}          # value -> the ops that read it, in order
        for i, op in enumerate(ops):
            self._note(i, op)

    def merged(self, rows):
        """Return the ops that are left, and which nodes each computes.

        ``rows`` says whether reductions are of whole rows.
        """
        if rows:
            self._merge_sums()
        self._merge_pairs()
        left = [i for i, op in enumerate(self.ops) if op is not None]
        return [self.ops[i] for i in left], [self.scalars[i] for i in left]

    # ----- who reads what -----

    def _note(self, i, op):
        for value in set(op[4]):
            self._readers.setdefault(value, []).append(i)

    def _put(self, i, op):
        """Put another op in the place of op ``i``; drop what nothing reads any more."""
        unread = [(i, self.ops[i])]
        self.ops[i] = op
        if op is not None:
            self._note(i, op)
        while unread:
            i, old = unread.pop()
            for value in set(old[4]):
                self._readers[value].remove(i)
                j = self._maker.get(value)
                if j is not None and self._is_unread(value) and self.ops[j] is not None:
                    unread.append((j, self.ops[j]))
                    self.ops[j] = None

    def _is_unread(self, value):
        return not self._readers.get(value) and value not in self.stored

    def _reaches(self, values, phase, made):
        """Whether values that a phase reads are at hand in a later one: loads, and numbers."""
        return phase == made or all([self.values[v][0] == KEPT or self.values[v][2] != COMPUTED
                                     for v in values])

    # ----- sums -----

    def _merge_sums(self):
        """Let the kernel of a sum compute its terms: products, squares, and of differences."""
        for i, op in enumerate(self.ops):
            if op is None or op[0] != FOLD or self.names[i] != "sum":
                continue
            x, = op[4]
            j = self._maker.get(x)
            if j is None or x in self.stored or self._readers[x] != [i]:
                continue
            term, ins = self._term(j)
            fn = self.device.terms_kernel(f"sum({term})", self.values[x][1])
            if fn is not None and self._reaches(ins, op[2], self.ops[j][2]):
                self._put(i, (*op[:4], ins, 2, fn, *op[7:]))

    def _term(self, j):
        """What op ``j`` computes, as a term of a sum, and of which values."""
        name, ins = self.names[j], self.ops[j][4]
        if any([self.values[v][0] != FULL for v in ins]):
            return name, ins
        if name == "sqr":
            for other, levels in (("z", [FULL, KEPT]), ("y", [FULL, FULL])):
                pair = self._difference(ins[0], levels)
                if pair:
                    return f"sqr(sub(x,{other}))", pair
            return "sqr(x)", ins * 2
        for x, other in (ins, ins[::-1]) if name == "mul" else ():
            pair = self._difference(other, [FULL, KEPT])
            if pair:
                return "mul(x,sub(y,z))", (x, *pair)
        return f"{name}(x,y)", ins

    def _difference(self, value, levels):
        """What a value is the difference of, if those are an array and another one, or a number
        for each row."""
        j = self._maker.get(value)
        if j is None or self.names[j] != "sub" or len(self.ops[j][4]) != 2:
            return None
        return self.ops[j][4] if [self.values[v][0] for v in self.ops[j][4]] == levels else None

    # ----- pairs -----

    def _merge_pairs(self):
        """Let one kernel do the work of two, where there is one: ``add(mul(x,y),z)``.

        What several ops read is computed in each of them, or in none.
        """
        for j, op in enumerate(self.ops):
            if op is None or op[3] in self.stored:
                continue
            readers = list(self._readers.get(op[3], ()))
            pairs = [self._pair(i, j) for i in readers]
            if None not in pairs:
                for i, pair in zip(readers, pairs):
                    self._put(i, pair)
                    self.scalars[i] = self.scalars[j] + self.scalars[i]

    def _pair(self, i, j):
        """Op ``i`` with the op ``j`` that makes one of its arguments, or None."""
        outer, inner = self.ops[i], self.ops[j]
        if (outer[0], inner[0]) != (MAP, MAP) or len(outer[4]) != 2 or len(inner[4]) != 2 \
                or outer[1] != inner[1] or outer[4].count(inner[3]) > 1 \
                or not self._reaches(inner[4], outer[2], inner[2]):
            return None
        place = outer[4].index(inner[3])
        name, below = self.names[i], self.names[j]
        dtype = self.values[outer[3]][1]
        other = outer[4][1 - place]
        if place == 1 and name in ("add", "mul"):
            place = 0
        if place == 0:
            name, ins = f"{name}({below}(x,y),z)", (*inner[4], other)
        else:
            name, ins = f"{name}(x,{below}(y,z))", (other, *inner[4])
        if not self.device.has_map(name, dtype):
            return None
        return (*outer[:4], ins, outer[5] + inner[5], self.device.map_kernel(name, dtype), 0, b"")
