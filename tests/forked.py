"""Work in forked processes, which may be killed, or belong to a user who is not root."""
import os
import sys

NOBODY = 65534


def start(work, *arguments):
    """Fork a process that does some work; return its number. It exits with 0 if all went well."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work(*arguments)
            status = 0
        except BaseException as error:
            print(f"in a child: {error!r}", file=sys.stderr)
        finally:
            os._exit(status)
    return child


def status_of(child):
    """Wait for the end of a process; return its status, which is 0 if all went well."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def without_privileges(work, *arguments):
    """Do some work in a process that root's privileges do not help."""
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    work(*arguments)
