"""Moves objects from any store to any store, and proves that they arrived.

plan       which object goes where
manifest   what is known of each object, in MongoDB
mover      one run: skips what is there, moves the rest, checks it, deletes if told
checks     whether the target holds what it was given
assembly   one large object, read, hashed and sent in parts
ending     what a signal leaves behind: nothing
limits     how much memory and bandwidth may be used
progress   what a person sees meanwhile
"""
