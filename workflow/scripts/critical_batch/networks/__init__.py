"""Networks with R independent replicas each: the layers, the architectures, and what builds a pair.

Importing this package needs no torch.
"""
