"""Convolution of images with filters under Theano's arguments, for one to three spatial axes."""
from cytensor.ops.axes import permuted
from cytensor.ops.conv_arguments import (
    axis_names, border, check_stated, floats, per_axis, stated_shape, tensor_with_axes,
    whole_number)
from cytensor.ops.conv_fft import by_fft, takes_fft
from cytensor.ops.conv_unshared import unshared, unshared_grad_filters, unshared_grad_inputs
from cytensor.ops.convolution import (
    conv, conv_grad_filters, conv_grad_inputs, window_span, zeros_around)
from cytensor.ops.registry import to_dtype
from cytensor.ops.views import as_size, inverse_order, sizes_of, specified


class Convolution:
    """How images are convolved: everything but the arrays.

    Parameters
    ----------
    what : str
        The function that a user called, for messages.
    ndim : int
        The number of spatial axes.
    border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, layout
        As in ``conv2d``.
    names : dict, optional
        What that function calls the arguments of ``conv2d`` and ``output_grad``, where it has other
        names for them.
    """

    def __init__(self, what, ndim, border_mode="valid", subsample=1, filter_flip=True,
                 filter_dilation=1, num_groups=1, unshared=False, layout=None, names=None):
        self.what, self.ndim, self.unshared = what, ndim, bool(unshared)
        self.names = {} if names is None else names
        self.params = {
            "stride": per_axis(what, self._name("subsample"), subsample, ndim),
            "dilation": per_axis(what, "filter_dilation", filter_dilation, ndim),
            "border": border(what, border_mode, ndim),
            "groups": whole_number(what, self._name("num_groups"), num_groups, 1),
            "flip": bool(filter_flip)}
        self.layout = layout
        self.order = self._order(layout)

    def _name(self, argument):
        return self.names.get(argument, argument)

    def _order(self, layout):
        """For batch, channels and space, the axis of the user's arrays that it is."""
        plain = "bc012"[:self.ndim + 2]
        layout = plain if layout is None else layout
        if sorted(layout) != sorted(plain):
            raise ValueError(f"{self.what}: layout is {plain!r} in any order, not {layout!r}")
        if self.unshared and layout != plain:
            raise ValueError(f"{self.what}: the layout of unshared filters is {plain!r}, "
                             f"not {layout!r}")
        return tuple([layout.index(axis) for axis in plain])

    # ----- arrays from users, and back to them -----

    def _axes(self, argument):
        """What the axes of an argument are called, in the user's order."""
        if argument == "filters" and self.unshared:
            return axis_names("unshared filters", self.ndim)
        kind = {"filters": "filters", "input": "images"}.get(argument, "results")
        names = axis_names(kind, self.ndim)
        return [names[i] for i in inverse_order(self.order, len(names))]

    def shape_of(self, argument, shape, is_open=False):
        """Return the shape that a user states of an argument.

        If it ``is_open``, its spatial sizes may be variables, and are needed.
        """
        ndim = len(self._axes(argument))
        space = range(ndim - self.ndim, ndim) if ndim > 2 + self.ndim else self.order[2:]
        return stated_shape(self.what, self._shape_name(argument), shape, ndim,
                            space if is_open else ())

    def _shape_name(self, argument):
        return self._name({"filters": "filter_shape", "input": "input_shape"}[argument])

    def array(self, argument, x):
        """Return an argument as a variable of the right rank."""
        return tensor_with_axes(self.what, self._name(argument), x, self._axes(argument))

    def _stated(self, argument, x, shape):
        """Return ``x``, of which the graph then knows the sizes that are stated."""
        check_stated(self.what, self._name(argument), self._shape_name(argument), x, shape)
        if all([n is None for n in shape]):
            return x
        return specified(x, [m if n is None else n for n, m in zip(shape, sizes_of(x))], self.what)

    def _taken_in(self, x):
        """Return an array with its axes in our order."""
        return x if x.type.ndim > len(self.order) else permuted(x, self.order)

    def _handed_out(self, x, dtype):
        """Return an array with its axes in the user's order."""
        x = to_dtype(x, dtype)
        return x if x.type.ndim > len(self.order) else permuted(
            x, inverse_order(self.order, len(self.order)))

    def _pair(self, **arrays):
        """Return two arrays as they are computed with, and the dtype of the result."""
        arrays = {self._name(argument): self._taken_in(x) for argument, x in arrays.items()}
        return floats(self.what, arrays)

    def space(self, shape):
        """The sizes along the spatial axes, of a shape in the user's order."""
        if len(shape) > len(self.order):
            return shape[-self.ndim:]
        return [shape[axis] for axis in self.order[2:]]

    # ----- the three directions -----

    def forward(self, x, w, x_shape=None, w_shape=None, algorithm=None):
        """Convolve images with filters."""
        x = self._stated("input", self.array("input", x), self.shape_of("input", x_shape))
        w = self._stated("filters", self.array("filters", w), self.shape_of("filters", w_shape))
        x, w, dtype = self._pair(input=x, filters=w)
        if self.unshared:
            out = unshared(x, w, self.params)
        elif takes_fft(self.what, algorithm, x, w, self.params):
            out = by_fft(x, w, self.params)
        else:
            out = conv(x, w, **self.params)
        return self._handed_out(out, dtype)

    def grad_inputs(self, y, w, x_shape, w_shape=None):
        """Return the gradient with respect to the images; ``x_shape`` is their shape."""
        x_shape = self.shape_of("input", x_shape, is_open=True)
        y = self.array("output_grad", y)
        w = self._stated("filters", self.array("filters", w), self.shape_of("filters", w_shape))
        y, w, dtype = self._pair(output_grad=y, filters=w)
        space = self.space(x_shape)
        if self.unshared:
            x = unshared_grad_inputs(y, w, space, self.params)
        else:
            x = conv_grad_inputs(y, w, *map(as_size, space), **self.params)
        return self._stated("input", self._handed_out(x, dtype), x_shape)

    def grad_filters(self, x, y, w_shape, x_shape=None):
        """Return the gradient with respect to the filters; ``w_shape`` is their shape."""
        w_shape = self.shape_of("filters", w_shape, is_open=True)
        x = self._stated("input", self.array("input", x), self.shape_of("input", x_shape))
        x, y, dtype = self._pair(input=x, output_grad=self.array("output_grad", y))
        space = self.space(w_shape)
        if self.unshared:
            w = unshared_grad_filters(x, y, space, self.params)
        else:
            w = conv_grad_filters(x, y, *map(as_size, space), **self.params)
        return self._stated("filters", self._handed_out(w, dtype), w_shape)

    def transpose(self, y, w, x_shape=None, w_shape=None):
        """As ``grad_inputs``; by default, images are the smallest that give such a result."""
        if x_shape is None:
            y, w = self.array("output_grad", y), self.array("filters", w)
            x_shape = self._smallest(self.space(sizes_of(y)), self.space(sizes_of(w)))
        return self.grad_inputs(y, w, x_shape, w_shape)

    def _smallest(self, result, window):
        shape = [None] * (2 + self.ndim)
        for i, (m, k) in enumerate(zip(result, window)):
            span = window_span(k, self.params["dilation"][i])
            zeros = zeros_around(self.params["border"], i, span)
            shape[self.order[2 + i]] = (m - 1) * self.params["stride"][i] + span - sum(zeros)
        return tuple(shape)


def conv1d(input, filters, input_shape=None, filter_shape=None, border_mode="valid", subsample=1,
           filter_flip=True, filter_dilation=1, num_groups=1, unshared=False, *, layout=None,
           algorithm=None):
    """Convolve a batch of sequences with filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, length)
    filters : Variable, shape (filters, channels / num_groups, taps)
        Or, if unshared, (filters, length of the result, channels / num_groups, taps).
    input_shape, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, \
unshared, layout, algorithm
        As in ``conv2d``, for one axis. The layout is "bc0" by default.

    Returns
    -------
    Variable, shape (batch, filters, length)

    Raises
    ------
    TypeError, ValueError
        As in ``conv2d``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.conv1d([[[1.0, 2.0, 3.0, 4.0]]], [[[1.0, -1.0]]]).eval()
    array([[[1., 1., 1.]]])
    """
    how = Convolution("conv1d", 1, border_mode, subsample, filter_flip, filter_dilation,
                      num_groups, unshared, layout)
    return how.forward(input, filters, input_shape, filter_shape, algorithm)


def conv2d(input, filters, input_shape=None, filter_shape=None, border_mode="valid",
           subsample=(1, 1), filter_flip=True, filter_dilation=(1, 1), num_groups=1,
           unshared=False, *, layout=None, algorithm=None):
    """Convolve a batch of images with filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, rows, columns)
    filters : Variable, shape (filters, channels / num_groups, rows, columns)
        Or, if unshared, (filters, rows of the result, columns of the result,
        channels / num_groups, rows, columns).
    input_shape, filter_shape : sequence of int and None, optional
        What is known of the shapes. The graph then knows it as well, and the run checks it.
    border_mode : {'valid', 'full', 'half'}, int, or pair of int and pairs of int
        The zeros around the images: none, so that windows lie inside of them; as many that windows
        overlap with them by one pixel or more; half a window, so that the result is as large as
        the image if windows have odd sizes; or how many, for each axis, or before and behind.
    subsample : pair of int
        The step from a window to the next, also called stride.
    filter_flip : bool
        Whether filters are turned round, as in a convolution of mathematics. If not, this is a
        correlation.
    filter_dilation : pair of int
        The step from a tap of a filter to the next.
    num_groups : int
        Channels and filters are divided into so many groups, and filters see only the channels of
        their own group.
    unshared : bool
        Whether each place of the result has filters of its own (it is locally connected).
    layout : str, optional
        The order of the axes: "bc01", which is the default, stands for (batch, channels, rows,
        columns), and "b01c" or "c01b" for others. Filters have theirs in the place of the batch.
    algorithm : {"auto", "direct", "fft"}, optional
        How it is computed: by sums over windows or, for large windows, by Fourier transforms; by
        default as ``config.conv`` says. "auto" estimates what is faster, if all sizes are known.

    Returns
    -------
    Variable, shape (batch, filters, rows, columns)

    Raises
    ------
    TypeError
        If an array has another rank, or neither array is of floats.
    ValueError
        If another argument is not one of those above, or sizes do not fit, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> images, filters = T.tensor4("images"), T.tensor4("filters")
    >>> T.nnet.conv2d(images, filters, (None, 3, 32, 32), (8, 3, 5, 5), "half").type.shape
    (None, 8, 32, 32)
    """
    how = Convolution("conv2d", 2, border_mode, subsample, filter_flip, filter_dilation,
                      num_groups, unshared, layout)
    return how.forward(input, filters, input_shape, filter_shape, algorithm)


def conv3d(input, filters, input_shape=None, filter_shape=None, border_mode="valid",
           subsample=(1, 1, 1), filter_flip=True, filter_dilation=(1, 1, 1), num_groups=1,
           unshared=False, *, layout=None, algorithm=None):
    """Convolve a batch of volumes with filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, depth, rows, columns)
    filters : Variable, shape (filters, channels / num_groups, depth, rows, columns)
        Or, if unshared, with the three spatial sizes of the result behind the first.
    input_shape, filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, \
unshared, layout, algorithm
        As in ``conv2d``, for three axes. The layout is "bc012" by default.

    Returns
    -------
    Variable, shape (batch, filters, depth, rows, columns)

    Raises
    ------
    TypeError, ValueError
        As in ``conv2d``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.conv3d(T.zeros((2, 3, 8, 8, 8)), T.zeros((4, 3, 3, 3, 3))).type.shape
    (2, 4, 6, 6, 6)
    """
    how = Convolution("conv3d", 3, border_mode, subsample, filter_flip, filter_dilation,
                      num_groups, unshared, layout)
    return how.forward(input, filters, input_shape, filter_shape, algorithm)
