"""BigGAN (Brock et al. 2019), class-conditional."""

from . import NetworkKind, widest_map


def _build(*arguments):
    from ..networks import biggan

    return biggan.build(*arguments)


KIND = NetworkKind(
    _build,
    generator=("generator_width",),
    settings=None,
    needs_labels=True,
    largest_map=widest_map,
)
