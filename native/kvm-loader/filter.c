#include "filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { KVMIO = 0xAE, SYS_FACCESSAT2 = 439, SYS_CLOSE_RANGE = 436, MAXIMUM = 256 };

/* Instructions of classic BPF. Targets are patched when the program is complete. */
struct program {
    struct sock_filter code[MAXIMUM];
    unsigned short length;
};

static void add(struct program *program, unsigned short code, uint32_t value, unsigned char if_true, unsigned char if_false)
{
    program->code[program->length++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(struct program *program, uint32_t offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void allow(struct program *program)
{
    add(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void trap(struct program *program)
{
    add(program, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
}

static uint32_t argument(int index, bool high)
{
    return (uint32_t)offsetof(struct seccomp_data, args) + 8 * (uint32_t)index + (high ? 4 : 0);
}

/* Allows what was not made from LOW to HIGH, comparing 64 bits in two halves. */
static void only_from(struct program *program, uint64_t low, uint64_t high)
{
    uint32_t pointer = (uint32_t)offsetof(struct seccomp_data, instruction_pointer);
    uint32_t low_high = (uint32_t)(low >> 32), high_high = (uint32_t)((high - 1) >> 32);
    load(program, pointer + 4);
    add(program, BPF_JMP | BPF_JGE | BPF_K, low_high, 1, 0);
    allow(program);
    add(program, BPF_JMP | BPF_JGT | BPF_K, high_high, 0, 1);
    allow(program);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, low_high, 0, 3);
    load(program, pointer);
    add(program, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)low, 1, 0);
    allow(program);
    load(program, pointer + 4);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, high_high, 0, 3);
    load(program, pointer);
    add(program, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(high - 1), 0, 1);
    allow(program);
    load(program, (uint32_t)offsetof(struct seccomp_data, nr));
}

static void trap_call(struct program *program, uint32_t number)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    trap(program);
}

/* Where an argument is a value, under a mask. The number is loaded again for what follows. */
static void trap_call_with(struct program *program, uint32_t number, int index, uint32_t mask, uint32_t value)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 5);
    load(program, argument(index, false));
    add(program, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    trap(program);
    allow(program);
}

/* Where an argument is a pointer that is not null. */
static void trap_call_with_pointer(struct program *program, uint32_t number, int index)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 6);
    load(program, argument(index, false));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
    load(program, argument(index, true));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    allow(program);
    trap(program);
}

bool filter_install(uint64_t low, uint64_t high)
{
    static const uint32_t calls[] = {
        SYS_open,           SYS_openat,    SYS_access,        SYS_faccessat,       SYS_FACCESSAT2, SYS_stat,   SYS_lstat,
        SYS_statx,          SYS_close,     SYS_dup2,          SYS_dup3,            SYS_CLOSE_RANGE, SYS_brk,   SYS_rt_sigaction,
        SYS_rt_sigsuspend,  SYS_execve,    SYS_exit_group,    SYS_seccomp,         SYS_readlink,   SYS_readlinkat,
    };
    struct program program = {.length = 0};
    load(&program, (uint32_t)offsetof(struct seccomp_data, arch));
    add(&program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    allow(&program);
    only_from(&program, low, high);
    trap_call_with(&program, SYS_ioctl, 1, 0xFF00, KVMIO << 8);
    for (unsigned n = 0; n < sizeof calls / sizeof *calls; n++) trap_call(&program, calls[n]);
    trap_call_with(&program, SYS_newfstatat, 3, AT_EMPTY_PATH, 0);
    trap_call_with(&program, SYS_prctl, 0, ~0u, PR_SET_SECCOMP);
    trap_call_with_pointer(&program, SYS_rt_sigprocmask, 1);
    trap_call_with_pointer(&program, SYS_ppoll, 3);
    trap_call_with_pointer(&program, SYS_pselect6, 5);
    trap_call_with_pointer(&program, SYS_epoll_pwait, 4);
    trap_call_with_pointer(&program, SYS_epoll_pwait2, 4);
    allow(&program);
    struct sock_fprog filter = {.len = program.length, .filter = program.code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}
