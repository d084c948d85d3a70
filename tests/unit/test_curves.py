"""Every curve of the registry keeps what the fit relies on."""

import numpy as np
import pytest
from critical_batch.analysis.curves import CURVES, Curve

SIZES = np.geomspace(1, 4096, 4001)
SMALLEST = 8.0


def test_the_curves_of_the_library():
    assert {name: curve.description for name, curve in CURVES.items()} == {
        "theorem": "Theorem 3.2 of Sato & Iiduka (2023), N(b) = A b / ((eps^2 - C) b - B)"
    }


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_at_the_start_of_its_search_is_flat(name):
    curve = CURVES[name]
    assert isinstance(curve, Curve)
    assert curve.description
    flat = curve.shape(np.zeros(1), SMALLEST)
    assert flat == [0]
    assert (curve.offsets(SIZES, flat) == 0).all()
    assert curve.critical(0.0) == 0


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
def test_a_curve_falls_and_its_sfo_is_least_at_the_critical_size(name, share):
    curve = CURVES[name]
    shapes = curve.shape(np.array([share, 1.0]) * curve.span, SMALLEST)
    offsets = curve.offsets(SIZES, shapes)
    assert offsets.shape == (2, SIZES.size)
    finite = np.isfinite(offsets[0])
    assert finite[SIZES >= SMALLEST].all()  # what was reached can be reached
    assert (np.diff(offsets[0][finite]) < 0).all()
    least = SIZES[np.argmin(np.where(finite, offsets[0], np.inf) + np.log(SIZES))]
    assert least == pytest.approx(curve.critical(shapes[0]), rel=0.005)
