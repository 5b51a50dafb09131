"""File modes as Go has them (``os.FileMode``, io/fs/fs.go), which is how Docker and BuildKit send them."""

import stat

_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_KIND_BITS = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21
_UNIX_KINDS = {go: unix for unix, go in _KINDS.items()}
_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_file_mode(mode: int) -> int:
    """``st_mode`` as Go has it."""
    bits = sum(go for bit, go in _BITS.items() if mode & bit)
    return mode & 0o777 | _KINDS.get(stat.S_IFMT(mode), 0) | bits


def unix_file_mode(mode: int) -> int:
    """Go's mode as ``st_mode``. Raises ValueError for a kind of file that Linux has not."""
    kind = mode & _KIND_BITS
    if kind and kind not in _UNIX_KINDS:
        raise ValueError(f"unknown kind of file: mode {mode:#o}")
    bits = sum(bit for bit, go in _BITS.items() if mode & go)
    return mode & 0o777 | (_UNIX_KINDS[kind] if kind else stat.S_IFREG) | bits
