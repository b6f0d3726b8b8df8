"""What the package ``theano`` says about itself."""
import logging

#: The release of Theano whose documented behaviour is kept.
__version__ = version = "1.0.5"
__api_version__ = 1
theano_logger = logging.getLogger("theano")
logging_default_formatter = logging.Formatter("%(levelname)s (%(name)s): %(message)s")
logging_default_handler = logging.StreamHandler()
logging_default_handler.setFormatter(logging_default_formatter)


def disable_log_handler(logger=theano_logger, handler=logging_default_handler):
    """Take a handler off the log."""
    logger.removeHandler(handler)


def test(*args, **kwargs):
    """Theano's own tests are not part of cytensor."""
    raise ImportError("Theano's own tests are not part of cytensor")
