"""DCGAN (Radford et al. 2016)."""

from . import NetworkKind, widest_map


def _build(*arguments):
    from ..networks import dcgan

    return dcgan.build(*arguments)


KIND = NetworkKind(
    _build,
    generator=("generator_width",),
    settings=None,
    largest_map=widest_map,
)
