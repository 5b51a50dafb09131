"""Emulators: interpreters of other machines' programs, as packages bring them and the kernel knows them."""
