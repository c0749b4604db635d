"""Fixtures for both suites: makers that clean up, and fail the test when the gateway did not end well."""

import contextlib

import pytest

from . import Gateway, Upstream


def _maker(kind):
    @contextlib.contextmanager
    def make():
        made = []

        def one(*arguments, **options):
            thing = kind(*arguments, **options)
            made.append(thing)
            return thing
        try:
            yield one
        finally:
            with contextlib.ExitStack() as stack:
                for thing in made:
                    stack.callback(thing.stop)
    return make


_upstreams, _gateways = _maker(Upstream), _maker(Gateway)


@pytest.fixture
def upstreams():
    """Makes upstreams."""
    with _upstreams() as make:
        yield make


@pytest.fixture
def upstream(upstreams):
    """One that answers everything with 200."""
    return upstreams()


@pytest.fixture
def gateways(upstreams):
    """Makes gateways. They stop before the upstreams do."""
    with _gateways() as make:
        yield make


@pytest.fixture(scope="module")
def module_upstreams():
    with _upstreams() as make:
        yield make


@pytest.fixture(scope="module")
def module_gateways(module_upstreams):
    with _gateways() as make:
        yield make
