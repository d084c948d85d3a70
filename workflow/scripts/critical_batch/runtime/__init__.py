"""What every program needs: errors, files, locks, devices, random streams.

It imports nothing of the package but itself.
"""
