"""Structured steps in C: copies, products of matrices, indices, joins, running sums."""
from string import Template

from cytensor.export.folds import Fold
from cytensor.export.places import MEMORY, NUMBER
from cytensor.export.products import multiply
from cytensor.export.sizes import follows, plus, times


# ----- loops over elements -----

def nest(unit, dims, places, body):
    """Write loops over the elements of places that have the same axes.

    Parameters
    ----------
    dims : sequence of size
    places : list of Place
        A stride of 0 repeats an element.
    body : callable
        From the expressions of the elements to lines.
    """
    axes = _merged([(n, [p.strides[a] if p.kind != NUMBER else 0 for p in places])
                    for a, n in enumerate(dims) if not (type(n) is int and n == 1)])
    offsets = [0] * len(places)
    for k, (n, strides) in enumerate(axes):
        i = unit.names.new("i")
        if k == len(axes) - 1:
            unit.lines.add("CT_IVDEP") if body is not None and _is_plain(places) else None
        unit.lines.open(f"for (int64_t {i} = 0; {i} < {n}; {i}++)")
        offsets = [plus(offset, times(s, i)) for offset, s in zip(offsets, strides)]
    unit.lines.add(*body(*[p.element(offset) for p, offset in zip(places, offsets)]))
    for _ in axes:
        unit.lines.close()


def _is_plain(places):
    """Whether what is written is read at the same place alone."""
    return all([p.kind != MEMORY or 0 not in p.strides for p in places[:1]])


def _merged(axes):
    merged = axes[:1]
    for n, strides in axes[1:]:
        m, before = merged[-1]
        if all([follows(a, b, n) for a, b in zip(before, strides)]):
            merged[-1] = (times(m, n), strides)
        else:
            merged.append((n, strides))
    return merged


def spread(place, dims):
    """Let a place repeat along axes where it has size 1."""
    if place.kind == NUMBER:
        return place._replace(dims=tuple(dims), strides=(0,) * len(dims))
    extra = len(dims) - len(place.dims)
    strides = [0 if n == 1 and m != 1 else s
               for n, m, s in zip(place.dims, dims[extra:], place.strides)]
    return place._replace(dims=tuple(dims), strides=(*[0] * extra, *strides))


def copy(unit, out, x):
    """out = x, which broadcasts."""
    nest(unit, out.dims, [out, spread(x, out.dims)], lambda a, b: [f"{a} = {b};"])


def add_into(unit, out, x):
    """out += x, which broadcasts."""
    fold = Fold("sum", out.dtype)
    nest(unit, out.dims, [out, spread(x, out.dims)], lambda a, b: [f"{a} = {fold.joined(a, b)};"])


# ----- indices -----

def _open_positions(unit, dims):
    """Begin loops over the positions of index arrays; return their counters."""
    counters = []
    for n in dims:
        i = unit.names.new("i")
        unit.lines.open(f"for (int64_t {i} = 0; {i} < {n}; {i}++)")
        counters.append(i)
    return counters


def _close_positions(unit, dims):
    for _ in dims:
        unit.lines.close()


def _at(place, counters):
    """A place at some counters of its first axes."""
    offset, k = 0, len(counters)
    for n, stride, i in zip(place.dims, place.strides, counters):
        offset = plus(offset, 0 if n == 1 else times(stride, i))
    rest = place._replace(dims=place.dims[k:], strides=place.strides[k:])
    return rest if place.kind == NUMBER else rest.moved(offset)


def _indexed(unit, x, indices, counters):
    """The rows of ``x`` that the indices at a position name."""
    offset = 0
    for axis, index in enumerate(indices):
        k, n = unit.names.new("k"), x.dims[axis]
        value = _at(index, counters).element()
        unit.lines.add(f"int64_t {k} = {value};", f"{k} += {k} < 0 ? {n} : 0;",
                       f"if ({k} < 0 || {k} >= {n})", f"    {unit.fail('INDEX')}")
        offset = plus(offset, times(x.strides[axis], k))
    count = len(indices)
    return x.moved(offset, dims=x.dims[count:], strides=x.strides[count:])


def _positions(indices):
    """The sizes to which index arrays broadcast."""
    dims = list(indices[0].dims)
    for index in indices[1:]:
        dims = [m if n == 1 else n for n, m in zip(dims, index.dims)]
    return tuple(dims)


def _named_row(unit, place, const="const "):
    """A place whose address has a name."""
    if place.kind != MEMORY:
        return place
    name = unit.names.new("p")
    unit.lines.define(name, f"{const}{place.dtype.storage} *const {name} = {place.base};")
    return place._replace(base=name)


def gather(unit, node, outs, ins):
    """out = x[indices]."""
    (out,), (x, *indices) = outs, ins
    dims = _positions(indices)
    counters = _open_positions(unit, dims)
    row = _named_row(unit, _indexed(unit, x, indices, counters))
    copy(unit, _named_row(unit, _at(out, counters), ""), row)
    _close_positions(unit, dims)


def _scatter(move):
    def scatter(unit, node, outs, ins):
        (out,), (y, *indices) = outs, ins
        dims = _positions(indices)
        whole = (*dims, *out.dims[len(indices):])
        y = spread(y, whole)
        counters = _open_positions(unit, dims)
        row = _named_row(unit, _indexed(unit, out, indices, counters), "")
        move(unit, row, _named_row(unit, _at(y, counters)))
        _close_positions(unit, dims)
    return scatter


# ----- along one axis -----

def join(unit, node, outs, ins):
    """Put arrays behind each other."""
    (out,), start, axis = outs, 0, node.params["axis"]
    for x in ins:
        part = out.moved(times(start, out.strides[axis]),
                         dims=(*out.dims[:axis], x.dims[axis], *out.dims[axis + 1:]),
                         strides=out.strides)
        copy(unit, part, x)
        start = plus(start, x.dims[axis])


def _without(place, axis):
    return place._replace(dims=place.dims[:axis] + place.dims[axis + 1:],
                          strides=place.strides[:axis] + place.strides[axis + 1:])


#: Where the largest of some elements is. Of floats that follow each other, a fold finds the value.
EXTREME = Template("""\
static int64_t $name(int64_t n, const $T *x, int64_t step)
{
    int64_t best = 0;
$blocks    for (int64_t i = 1; i < n; i++) {
        const $A a = $new, b = $old;
        if ($better)
            best = i;
    }
    return best;
}
""")
#: The same for m columns side by side, ``next`` elements apart.
SIDE_BY_SIDE = Template("""\
static void ${name}_columns(int64_t n, const $T *x, int64_t step, int64_t m, int64_t next,
                            int64_t *out, int64_t out_next)
{
    enum { WIDTH = 64 };
    $A most[WIDTH];
    int64_t best[WIDTH];
    for (int64_t from = 0; from < m; from += WIDTH, x += WIDTH * next, out += WIDTH * out_next) {
        const int64_t width = m - from < WIDTH ? m - from : WIDTH;
        for (int64_t j = 0; j < width; j++) {
            most[j] = $first;
            best[j] = 0;
        }
        for (int64_t i = 1; i < n; i++) {
            for (int64_t j = 0; j < width; j++) {
                const $A a = $here, b = most[j];
                const int take = $better;
                most[j] = take ? a : b;
                best[j] = take ? i : best[j];
            }
        }
        for (int64_t j = 0; j < width; j++)
            out[j * out_next] = best[j];
    }
}
""")
BLOCKS = Template("""\
    if (step == 1) {
        const $T most = $fold(n, x);
        while (!(x[best] == most) && x[best] == x[best])
            best++;
        return best;
    }
""")


def _extreme(which, sign):
    def argument(unit, node, outs, ins):
        (out,), x = outs, in_memory(unit, ins[0])
        axis = node.params["axis"]
        n, step, rest = x.dims[axis], x.strides[axis], _without(x, axis)
        name = _need_extreme(unit, which, sign, x.dtype)
        if step == 1 or not rest.dims:
            nest(unit, rest.dims, [out, rest], lambda a, b: [f"{a} = {name}({n}, &{b}, {step});"])
            return
        ends = f"{rest.dims[-1]}, {rest.strides[-1]}", out.strides[-1]
        nest(unit, rest.dims[:-1], [_without(out, len(rest.dims) - 1),
                                    _without(rest, len(rest.dims) - 1)],
             lambda a, b: [f"{name}_columns({n}, &{b}, {step}, {ends[0]}, &{a}, {ends[1]});"])
    return argument


def _need_extreme(unit, which, sign, dtype):
    half, name = dtype.short == "f16", f"ct_{which}_{dtype.short}"
    read, blocks = "half_to_float({})" if half else "{}", ""
    if dtype.short in ("f32", "f64"):
        fold = Fold(which.removeprefix("arg"), dtype)
        unit.need(fold.name, fold.row)
        blocks = BLOCKS.substitute(T=dtype.storage, fold=fold.name)
    parts = {"name": name, "T": dtype.storage, "A": "float" if half else dtype.storage,
             "better": f"a {sign} b" + (" || (a != a && b == b)" if dtype.kind == "f" else "")}
    unit.need(name + "_columns", lambda: SIDE_BY_SIDE.substitute(
        **parts, first=read.format("x[j * next]"), here=read.format("x[i * step + j * next]")))
    return unit.need(name, lambda: EXTREME.substitute(
        **parts, blocks=blocks, new=read.format("x[i * step]"), old=read.format("x[best * step]")))


def _cumulate(op):
    def cumulate(unit, node, outs, ins):
        (out,), (x,) = outs, ins
        axis = node.params["axis"]
        fold, i = Fold(op, x.dtype), unit.names.new("i")
        n, to, step = x.dims[axis], out.strides[axis], x.strides[axis]
        unit.lines.open(f"for (int64_t {i} = 0; {i} < {n}; {i}++)")
        here = _without(out.moved(times(to, i)), axis)
        before = _without(out.moved(times(to, i)).moved(f"-{to}" if type(to) is str else -to),
                          axis)
        row = _without(x.moved(times(step, i)), axis)
        unit.lines.open(f"if ({i} == 0)")
        copy(unit, here, row)
        unit.lines.close()
        unit.lines.open("else")
        nest(unit, here.dims, [here, before, row],
             lambda a, b, c: [f"{a} = {fold.joined(b, c)};"])
        unit.lines.close()
        unit.lines.close()
    return cumulate


# ----- products -----

def in_memory(unit, place):
    """Return a place of memory: a number gets some."""
    if place.kind != NUMBER:
        return place
    name = unit.names.new("v")
    unit.lines.add(f"const {place.dtype.storage} {name} = {place.base};")
    return place._replace(base=f"&{name}", kind=MEMORY)


def matmul(unit, node, outs, ins):
    """out = a @ b, for stacks of matrices."""
    (out,), (a, b) = outs, [in_memory(unit, x) for x in ins]
    batch = out.dims[:-2]
    counters = _open_positions(unit, batch)
    parts = [_at(place, counters) for place in (spread_batch(a, batch), spread_batch(b, batch))]
    multiply(unit, _at(out, counters), *parts, None, None)
    _close_positions(unit, batch)


def spread_batch(place, batch):
    """Repeat a stack of matrices along axes where it has size 1."""
    k = len(batch)
    strides = [0 if n == 1 else s for n, s in zip(place.dims[:k], place.strides)]
    return place._replace(dims=(*batch, *place.dims[k:]),
                          strides=(*strides, *place.strides[k:]))


def gemm(unit, node, outs, ins):
    """out = beta * out + alpha * a @ b."""
    (out,), (a, b, alpha, beta) = outs, ins
    multiply(unit, out, in_memory(unit, a), in_memory(unit, b), alpha.element(), beta.element())


TABLE = {
    "matmul": matmul, "gemm": gemm, "gather": gather, "scatter_set": _scatter(copy),
    "scatter_add": _scatter(add_into), "join": join, "argmax": _extreme("argmax", ">"),
    "argmin": _extreme("argmin", "<"), "cumsum": _cumulate("sum"), "cumprod": _cumulate("prod"),
}
