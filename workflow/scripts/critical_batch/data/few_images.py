"""Too few real images for the features that compare them. Needs no torch."""


def singular_reference(images: int, dimensions: int) -> str | None:
    """Why distances to so few real images are unreliable, in one sentence; None where they are not.

    images: number of real images. dimensions: length of a feature vector. The covariance of n
    vectors has at most rank n - 1, so it is singular unless n > dimensions.
    """
    if images > dimensions:
        return None
    return (
        f"{images:,} real images are too few for {dimensions:,} features: the covariance of their "
        f"features is singular, and other real images of the same kind would be far from it too; "
        f"use more than {dimensions:,} images, or take the distances as relative only"
    )
