"""What a process that has nothing to do gives back to the kernel."""

from __future__ import annotations

import gc

from scow.linux.allocator import give_back_free_memory
from scow.linux.code_pages import let_go_of_code


def give_back_memory() -> None:
    """Free what can be made again, then unmap what is free."""
    gc.collect()  # empties the lists of free objects, too
    give_back_free_memory()
    let_go_of_code()
