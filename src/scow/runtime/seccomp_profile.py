"""The default system call filter, Docker's in meaning: what is not listed here fails with EPERM.

Allowed is what a program that owns nothing of the host needs. What acts on the whole machine is let through
with the capability that governs it anyway, and what a CPU or kernel lacks is left out. Two calls are allowed
by argument only: ``socket`` without AF_ALG (38) and AF_VSOCK (40), and ``personality`` with the harmless
personas. ``clone`` may make no namespaces without CAP_SYS_ADMIN; ``clone3`` hides its flags from the filter
and so pretends to be missing (ENOSYS), which makes C libraries fall back to ``clone``.
"""

import errno
from dataclasses import dataclass

ALLOW = "SCMP_ACT_ALLOW"
ERRNO = "SCMP_ACT_ERRNO"
DEFAULT_ERRNO = errno.EPERM

# CLONE_NEW{NS,UTS,IPC,USER,PID,NET,CGROUP}, linux/sched.h
_NEW_NAMESPACES = 0x7E020000
# PER_LINUX, PER_LINUX32, and both with UNAME26, and the query; linux/personality.h
_PERSONAS = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_AF_ALG, _AF_VSOCK = 38, 40


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one argument; ``MASKED_EQ`` compares ``argument & value`` with ``second``."""

    index: int
    operator: str
    value: int
    second: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do on ``names`` (separated by blanks).

    It holds where all ``caps`` are granted, the CPU is one of ``arches`` (none named: any), the kernel is at
    least ``min_kernel``, and neither ``not_caps`` nor ``not_arches`` apply.
    """

    names: str
    action: str = ALLOW
    errno: int | None = None
    when: Condition | None = None
    caps: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    not_caps: tuple[str, ...] = ()
    not_arches: tuple[str, ...] = ()
    min_kernel: tuple[int, int] | None = None


# libseccomp's names of the native architecture and of those whose programs it runs as well.
ARCHITECTURES = {
    "amd64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "arm64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "mips64": ("SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"),
    "mipsel64": ("SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
    "riscv64": ("SCMP_ARCH_RISCV64",),
    "loongarch64": ("SCMP_ARCH_LOONGARCH64",),
}

_ALWAYS = (
    # As those below, with 64-bit times on 32-bit systems
    """
        clock_getres_time64 clock_nanosleep_time64 futex_time64 io_pgetevents_time64
        mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64
        rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 utimensat_time64
    """,
    # Identity and privileges
    """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
        getresgid getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule
        landlock_create_ruleset landlock_restrict_self prctl seccomp setfsgid setfsgid32 setfsuid
        setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32
        setresuid setresuid32 setreuid setreuid32 setuid setuid32 umask
    """,
    # Signals
    """
        alarm kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask
        sigreturn tgkill tkill
    """,
    # Time
    """
        adjtimex clock_adjtime clock_adjtime64 clock_getres clock_gettime clock_gettime64
        clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
        timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
        timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times utime
    """,
    # System V and POSIX message passing, shared memory
    """
        ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv
        msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget
    """,
    # Sockets
    """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
        recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
    """,
    # Memory
    """
        brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall
        mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
        pkey_mprotect remap_file_pages
    """,
    # Polling and asynchronous I/O
    """
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit _newselect
        poll ppoll pselect6 select
    """,
    # Processes, threads and scheduling
    """
        execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv futex_wake
        get_robust_list get_thread_area getcpu getpgid getpgrp getpid getppid getpriority getrlimit
        getrusage getsid gettid ioprio_get ioprio_set pidfd_open pidfd_send_signal prlimit64
        process_mrelease restart_syscall riscv_hwprobe rseq sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
        sched_yield set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit setsid
        ugetrlimit uretprobe vfork wait4 waitid waitpid
    """,
    # Extended attributes
    """
        fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
        llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
    """,
    # Machine
    """
        getrandom sync syncfs sysinfo uname
    """,
    # Reading, writing and descriptors
    """
        cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fcntl
        fcntl64 fdatasync flock fsync ftruncate ftruncate64 ioctl _llseek lseek pipe pipe2 pread64
        preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice
        sync_file_range tee truncate truncate64 vmsplice write writev
    """,
    # Files and directories
    """
        access chdir chmod chown chown32 creat faccessat faccessat2 fchdir fchmod fchmodat fchmodat2
        fchown fchown32 fchownat fstat fstat64 fstatat64 fstatfs fstatfs64 futimesat getcwd getdents
        getdents64 lchown lchown32 link linkat listmount lstat lstat64 mkdir mkdirat mknod mknodat
        name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat renameat2
        rmdir stat stat64 statfs statfs64 statmount statx symlink symlinkat unlink unlinkat utimensat
        utimes
    """,
)

RULES: tuple[Rule, ...] = (
    *(Rule(names) for names in _ALWAYS),
    # Since Linux 4.8 tracing cannot get past a filter.
    Rule("process_vm_readv process_vm_writev ptrace", min_kernel=(4, 8)),
    Rule("socket", when=Condition(0, "SCMP_CMP_LT", _AF_ALG)),
    Rule("socket", when=Condition(0, "SCMP_CMP_EQ", _AF_ALG + 1)),
    Rule("socket", when=Condition(0, "SCMP_CMP_GT", _AF_VSOCK)),
    *(Rule("personality", when=Condition(0, "SCMP_CMP_EQ", persona)) for persona in _PERSONAS),
    # by CPU
    Rule("sync_file_range2 swapcontext", arches=("ppc64le",)),
    Rule(
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
        arches=("arm", "arm64"),
    ),
    Rule("arch_prctl", arches=("amd64", "x32")),
    Rule("modify_ldt", arches=("amd64", "x32", "x86")),
    Rule("s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", arches=("s390", "s390x")),
    Rule("riscv_flush_icache", arches=("riscv64",)),
    # by capability
    Rule("open_by_handle_at", caps=("CAP_DAC_READ_SEARCH",)),
    Rule(
        """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl
        quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
        """,
        caps=("CAP_SYS_ADMIN",),
    ),
    Rule(
        "clone",
        when=Condition(0, "SCMP_CMP_MASKED_EQ", _NEW_NAMESPACES),
        not_caps=("CAP_SYS_ADMIN",),
        not_arches=("s390", "s390x"),
    ),
    # s390 has the first two arguments of clone the other way round
    Rule(
        "clone",
        when=Condition(1, "SCMP_CMP_MASKED_EQ", _NEW_NAMESPACES),
        arches=("s390", "s390x"),
        not_caps=("CAP_SYS_ADMIN",),
    ),
    Rule("clone3", action=ERRNO, errno=errno.ENOSYS, not_caps=("CAP_SYS_ADMIN",)),
    Rule("reboot", caps=("CAP_SYS_BOOT",)),
    Rule("chroot", caps=("CAP_SYS_CHROOT",)),
    Rule("delete_module init_module finit_module", caps=("CAP_SYS_MODULE",)),
    Rule("acct", caps=("CAP_SYS_PACCT",)),
    Rule(
        "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
        caps=("CAP_SYS_PTRACE",),
    ),
    Rule("iopl ioperm", caps=("CAP_SYS_RAWIO",)),
    Rule("settimeofday stime clock_settime clock_settime64", caps=("CAP_SYS_TIME",)),
    Rule("vhangup", caps=("CAP_SYS_TTY_CONFIG",)),
    Rule("get_mempolicy mbind set_mempolicy set_mempolicy_home_node", caps=("CAP_SYS_NICE",)),
    Rule("syslog", caps=("CAP_SYSLOG",)),
    Rule("bpf", caps=("CAP_BPF",)),
    Rule("perf_event_open", caps=("CAP_PERFMON",)),
)
