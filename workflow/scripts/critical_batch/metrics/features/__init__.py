"""Feature networks: what maps an image to the vector whose distribution is compared.

Importing this package needs no torch.
"""
