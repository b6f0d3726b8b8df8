"""What compiled functions offer to programs without Python: C files and function pointers."""


class Exports:
    """The methods of a compiled function that turn it into C."""

    def export_c(self, path, name=None, blas="fortran", shared="inside"):
        """Write the function as a C file and a header, which need neither Python nor NumPy.

        One file serves arrays of every size. Numbers are passed by value, arrays as pointers in C
        order; the header says what each argument is. Elements have the same bits as in a call of
        this function, if the C compiler may use the same instructions (``-march=native``).

        Parameters
        ----------
        path : path-like
            Of the C file. The header lies beside it.
        name : str, optional
            Of the function in C; by default this function's own, or that of the file.
        blas : {"fortran", "inline"}
            Products of matrices call ``dgemm_`` and the like, to be linked; or loops in the file.
        shared : {"inside", "arguments"}
            Values of shared variables are constants in the text, as they are now; or arguments.
            Those that the function updates are always arguments, and their new values outputs.

        Returns
        -------
        c_path, header_path : Path

        Raises
        ------
        ExportError
            If the function has a step that has no C of its own, with the user's line.

        Examples
        --------
        >>> import cytensor as ct, cytensor.tensor as T, tempfile
        >>> x = T.dscalar("x")
        >>> f = ct.function([x], T.exp(-x * x), name="bell")
        >>> c_path, header_path = f.export_c(tempfile.mkdtemp() + "/bell.c")
        >>> "double bell(double x);" in header_path.read_text()
        True
        """
        from cytensor.export.library import export_c
        return export_c(self, path, name, blas, shared)

    def c_function(self, signature=None, shared="inside"):
        """Compile the function to a C function that can be called without Python and its GIL.

        The code is cached on disk, and stays loaded until the process ends.

        Parameters
        ----------
        signature : str, optional
            How it is called: ``"double (double, double)"``, ``"double (int, double *)"``,
            ``"double (int, double *, void *)"`` and others that SciPy knows. Those return
            not-a-number where a call fails. By default the signature of `export_c`.
        shared : {"inside", "arguments"}
            Shared variables have the values of this moment, or are further arguments.

        Returns
        -------
        CFunction
            With ``address``, ``capsule``, ``signature`` and ``text``.

        Raises
        ------
        ExportError
            If the function has a step that has no C of its own.
        RuntimeError
            If there is no C compiler.
        ValueError
            If the function does not fit the signature, or its shared variables are too large to be
            a part of a text.

        Examples
        --------
        >>> import cytensor as ct, cytensor.tensor as T
        >>> from cytensor.cpu import compiler
        >>> x = T.dscalar("x")
        >>> f = ct.function([x], T.exp(-x * x))
        >>> f.c_function().signature if compiler.find() else "double (double)"
        'double (double)'
        """
        from cytensor.export.library import c_function
        return c_function(self, signature, shared)

    @property
    def address(self):
        """The address of the function in C: see `c_function`."""
        return self.c_function().address

    @property
    def capsule(self):
        """The function in C for `scipy.LowLevelCallable`: see `c_function`."""
        return self.c_function().capsule
