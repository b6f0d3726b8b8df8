"""Loops of particular shapes: map, reduce, fold, while, and loops that keep few values."""
from cytensor.loops.arguments import as_list, until
from cytensor.loops.checkpoints import Chunks
from cytensor.loops.scan import build, scan
from cytensor.ops.elementwise import logical_not, switch
from cytensor.ops.registry import as_variable


def map(fn, sequences, non_sequences=None, truncate_gradient=-1, go_backwards=False, mode=None,
        name=None):
    """Apply a function to each row of arrays.

    The parameters are those of `scan`.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.matrix("x")
    >>> norms, _ = ct.map(lambda row: T.sqrt((row ** 2).sum()), x)
    >>> ct.function([x], norms)([[3, 4], [6, 8]])
    array([ 5., 10.])
    """
    return scan(fn, sequences, [], non_sequences, truncate_gradient=truncate_gradient,
                go_backwards=go_backwards, mode=mode, name=name)


def reduce(fn, sequences, outputs_info, non_sequences=None, go_backwards=False, mode=None,
           name=None):
    """Combine the rows of arrays, one after the other; return the last outputs.

    The parameters are those of `scan`.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.vector("x")
    >>> product, _ = ct.reduce(lambda x_t, p: p * x_t, x, T.constant(1.0))
    >>> ct.function([x], product)([2, 3, 4])
    array(24.)
    """
    outputs, updates = scan(fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards,
                            mode=mode, name=name)
    if isinstance(outputs, list):
        return [out[-1] for out in outputs], updates
    return outputs[-1], updates


def foldl(fn, sequences, outputs_info, non_sequences=None, mode=None, name=None):
    """Combine the rows of arrays from the first to the last. As `reduce`."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(fn, sequences, outputs_info, non_sequences=None, mode=None, name=None):
    """Combine the rows of arrays from the last to the first. As `reduce`."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


def while_loop(condition, body, loop_vars, maximum_iterations, name=None):
    """Repeat a function as long as a condition holds.

    Parameters
    ----------
    condition : callable
        From the variables to a 0-d bool.
    body : callable
        From the variables to their new values.
    loop_vars : list of Variable or array_like
        Their values before the first step.
    maximum_iterations : int or 0-d integer variable
        Memory is taken for so many steps.

    Returns
    -------
    list of Variable
        The values for which the condition failed, or the last ones.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> n = T.lscalar("n")
    >>> root, = ct.while_loop(lambda r: r * r < n, lambda r: [r + 1], [T.constant(0)], 1000)
    >>> ct.function([n], root)(50)
    array(8)
    """
    first = [as_variable(x) for x in loop_vars]

    def step(going, *values):
        new = body(*values)
        new = list(new) if isinstance(new, (list, tuple)) else [new]
        kept = [switch(going, a, b) for a, b in zip(new, values)]
        goes_on = as_variable(condition(*kept))
        return [goes_on, *kept], until(logical_not(goes_on))

    outputs, _ = scan(step, outputs_info=[as_variable(condition(*first)), *first],
                      n_steps=maximum_iterations, name=name, return_list=True)
    return [out[-1] for out in outputs[1:]]


def scan_checkpoints(fn, sequences=None, outputs_info=None, non_sequences=None,
                     name="checkpointscan_fn", n_steps=None, save_every_N=10, padding=True):
    """Do what `scan` does, and return the outputs of every ``save_every_N``-th step.

    Only these are kept; gradients compute those between again. The last step counts as well, if
    the number of steps is no multiple of ``save_every_N``.

    Parameters
    ----------
    fn, sequences, outputs_info, non_sequences, name, n_steps
        As in `scan`; outputs have no taps.
    save_every_N : int
    padding : bool
        Accepted for Theano's sake: any number of steps will do.

    Returns
    -------
    outputs, updates
        As `scan`.

    Raises
    ------
    RuntimeError
        If an output has taps.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> out, _ = ct.scan_checkpoints(lambda x: 2 * x, outputs_info=T.constant(1.0), n_steps=5,
    ...                              save_every_N=2)
    >>> ct.function([], out)()
    array([ 4., 16., 32.])
    """
    infos = as_list(outputs_info)
    if any([isinstance(info, dict) and "taps" in info for info in infos]):
        raise RuntimeError("scan_checkpoints does not work with taps; scan(checkpoint=..) does")
    return build(fn, sequences, infos, non_sequences, n_steps, name=name,
                 make=lambda loop: Chunks(loop, save_every_N).last_of_each())
