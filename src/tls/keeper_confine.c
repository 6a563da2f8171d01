/*
 * keeper_confine: what the keeper process gives up: descriptors, core dumps, being looked into,
 * swap, writing to files, and all system calls but those that reading a key and signing need. Each
 * is asked of the kernel and none is required (FACTS 7): the process works the same without. Giving
 * up root is the office's. Tests: test_tls_keeper.c, tests/clients/test_keeper.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls/keeper_internal.h"

/* --- the process --- */

static int compare_fds(const void *left, const void *right)
{
    const int *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Closes all but the standard ones and ours. A kernel without close_range leaves what the caller
 * had open when it forked, which is close to nothing. */
static void close_others(const struct keeper_ends *ends)
{
    size_t count = ends->channel_count + 1;
    int *keep = mem_zalloc(count, sizeof *keep);

    memcpy(keep, ends->channels, ends->channel_count * sizeof *keep);
    keep[count - 1] = ends->life_fd;
    qsort(keep, count, sizeof *keep, compare_fds);
    unsigned first = STDERR_FILENO + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned fd = (unsigned)keep[i];
        if (fd > first)
            (void)close_range(first, fd - 1, 0);
        first = fd + 1 > first ? fd + 1 : first;
    }
    (void)close_range(first, ~0U, 0);
    mem_free(keep);
}

/* Standard input and output of the server are none of the keeper's; errors still go out. */
static void detach_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)dup2(fd, STDIN_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

/* Keys are not to reach the swap. Only for who may lock all: with a limit, a later allocation would
 * fail instead. */
static void lock_memory(void)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    if (setrlimit(RLIMIT_MEMLOCK, &all) == 0)
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

void keeper_confine_process(const struct keeper_ends *ends)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_NAME, "postern-keeper");
    /* A terminal sends these to the whole group; the keeper ends when its channels close. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    close_others(ends);
    detach_terminal();
    (void)setrlimit(RLIMIT_CORE, &none);
    lock_memory();
}

/* --- rights --- */

/* No rule is added, so what is handled is denied everywhere; reading is not handled. */
static void forbid_writing(void)
{
    const struct landlock_ruleset_attr attr = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM};
    long fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    if (fd < 0)
        return;
    (void)syscall(SYS_landlock_restrict_self, (int)fd, 0);
    (void)close((int)fd);
}

/* Behind the change of user, which undoes the first two. */
void keeper_confine_rights(const struct keeper_ends *ends)
{
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    forbid_writing();
    if (getppid() != ends->parent)
        _exit(0); /* it ended before the signal was asked for */
}

/* --- system calls --- */

/* Chosen by the compiler, not by us: a call number means nothing without its machine. 0: unknown,
 * then there is no filter. */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#else
#define MACHINE 0
#endif

/* What signing and reading a file need. forbidden: bits that the argument may not have. */
static const struct call_row {
    unsigned number, argument, forbidden;
} calls[] = {
    {SYS_recvfrom, 0, 0},
    {SYS_sendto, 0, 0},
    {SYS_futex, 0, 0},
    {SYS_getrandom, 0, 0},
    {SYS_clock_gettime, 0, 0},
    {SYS_gettimeofday, 0, 0},
    {SYS_getrusage, 0, 0},
    {SYS_getpid, 0, 0},
    {SYS_gettid, 0, 0},
    {SYS_sched_yield, 0, 0},
    {SYS_sched_getaffinity, 0, 0},
    {SYS_read, 0, 0},
    {SYS_pread64, 0, 0},
    {SYS_write, 0, 0},
    {SYS_close, 0, 0},
    {SYS_lseek, 0, 0},
    {SYS_fstat, 0, 0},
    {SYS_newfstatat, 0, 0},
    {SYS_readlinkat, 0, 0},
    {SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND},
    {SYS_mmap, 2, PROT_EXEC},
    {SYS_mprotect, 2, PROT_EXEC},
    {SYS_mremap, 0, 0},
    {SYS_munmap, 0, 0},
    {SYS_madvise, 0, 0},
    {SYS_brk, 0, 0},
    {SYS_rt_sigaction, 0, 0},
    {SYS_rt_sigprocmask, 0, 0},
    {SYS_rt_sigreturn, 0, 0},
    {SYS_sigaltstack, 0, 0},
    {SYS_restart_syscall, 0, 0},
    {SYS_set_robust_list, 0, 0},
    {SYS_rseq, 0, 0},
    {SYS_exit, 0, 0},
    {SYS_exit_group, 0, 0},
};

enum {
    CALL_COUNT = sizeof calls / sizeof *calls,
    ROW_INSTRUCTIONS = 5,
    PROGRAM_MAX = 8 + CALL_COUNT * ROW_INSTRUCTIONS
};

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
};

static void load_word(struct program *program, size_t offset)
{
    program->code[program->len++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

/* Skips so many instructions when the test of the loaded word says yes, or no. */
static void skip(struct program *program, unsigned short test, unsigned value, unsigned char yes,
                 unsigned char no)
{
    program->code[program->len++] =
        (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, yes, no);
}

static void end_with(struct program *program, unsigned verdict)
{
    program->code[program->len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
}

/* Lower half of an argument: all flags are there, on machines with little-endian order, which both
 * of MACHINE are. */
static size_t argument_offset(unsigned argument)
{
    return offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
}

static void put_row(struct program *program, const struct call_row *row)
{
    if (row->forbidden == 0) {
        skip(program, BPF_JEQ, row->number, 0, 1);
        end_with(program, SECCOMP_RET_ALLOW);
        return;
    }
    skip(program, BPF_JEQ, row->number, 0, 4);
    load_word(program, argument_offset(row->argument));
    skip(program, BPF_JSET, row->forbidden, 0, 1);
    end_with(program, SECCOMP_RET_ERRNO | EPERM);
    end_with(program, SECCOMP_RET_ALLOW);
}

/* Whatever is not in the table is refused with EPERM and not with death: a libc that one day makes
 * another harmless call is to get an error that it can live with. */
static bool filter_calls(void)
{
    struct program program = {.len = 0};

    load_word(&program, offsetof(struct seccomp_data, arch));
    skip(&program, BPF_JEQ, MACHINE, 1, 0);
    end_with(&program, SECCOMP_RET_KILL_PROCESS);
    load_word(&program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CALL_COUNT; i++)
        put_row(&program, &calls[i]);
    end_with(&program, SECCOMP_RET_ERRNO | EPERM);
    const struct sock_fprog all = {program.len, program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &all) == 0;
}

bool keeper_confine_calls(void)
{
    return MACHINE != 0 && filter_calls();
}
