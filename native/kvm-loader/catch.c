/* The handler of SIGSYS, by which the kernel hands over calls that the filter has caught. All signals are blocked in it. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "call.h"
#include "filter.h"
#include "program_signals.h"

/* Not from here: the C library's value of si_code for a filter's trap. */
enum { SECCOMP_TRAP = 1, STUB_BYTES = 16, STUBS = 1024 };

/* The instruction SYSCALL in a page that the filter lets through, and a jump back: signals and restarts are the kernel's own business there. */
static struct {
    volatile uint64_t site[STUBS];
    uint8_t *writable, *executable;
    uint32_t writing;
} stubs;

static bool make_stubs(void)
{
    long file = RAW2(SYS_memfd_create, "vitrine-stubs", 1);
    if (file < 0 || RAW2(SYS_ftruncate, file, STUBS * STUB_BYTES) != 0) return false;
    stubs.writable = mmap(NULL, STUBS * STUB_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, (int)file, 0);
    stubs.executable = mmap(NULL, STUBS * STUB_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, (int)file, 0);
    RAW1(SYS_close, file);
    return stubs.writable != MAP_FAILED && stubs.executable != MAP_FAILED;
}

static void write_stub(uint8_t *code, uint64_t back)
{
    static const uint8_t start[] = {0x0F, 0x05, 0xFF, 0x25, 0, 0, 0, 0}; /* syscall; jmp [rip] */
    for (size_t n = 0; n < sizeof start; n++) code[n] = start[n];
    *(uint64_t *)(code + sizeof start) = back;
}

/* The stub of a place that calls come from; NULL when there are too many. */
static uint8_t *find_stub(uint64_t site)
{
    for (uint64_t probe = 0, slot = site / 2 % STUBS; probe < STUBS; probe++, slot = (slot + 1) % STUBS) {
        uint64_t there = __atomic_load_n(&stubs.site[slot], __ATOMIC_ACQUIRE);
        if (there == 0) {
            while (__atomic_exchange_n(&stubs.writing, 1, __ATOMIC_ACQUIRE) != 0) __builtin_ia32_pause();
            there = stubs.site[slot];
            if (there == 0) {
                write_stub(stubs.writable + slot * STUB_BYTES, site);
                there = site;
                __atomic_store_n(&stubs.site[slot], site, __ATOMIC_RELEASE);
            }
            __atomic_store_n(&stubs.writing, 0, __ATOMIC_RELEASE);
        }
        if (there == site) return stubs.executable + slot * STUB_BYTES;
    }
    return NULL;
}

static call_server *server_of(long number)
{
    switch (number) {
        case SYS_open:
        case SYS_openat: return serve_open;
        case SYS_stat:
        case SYS_lstat:
        case SYS_newfstatat:
        case SYS_statx: return serve_stat;
        case SYS_access:
        case SYS_faccessat:
        case SYS_faccessat2: return serve_access;
        case SYS_readlink:
        case SYS_readlinkat: return serve_readlink;
        case SYS_close:
        case SYS_dup2:
        case SYS_dup3:
        case SYS_close_range: return serve_close;
        case SYS_ioctl: return serve_ioctl;
        case SYS_rt_sigaction: return serve_sigaction;
        case SYS_rt_sigprocmask: return serve_sigmask;
        case SYS_rt_sigsuspend:
        case SYS_ppoll:
        case SYS_pselect6:
        case SYS_epoll_pwait:
        case SYS_epoll_pwait2: return serve_wait;
        case SYS_execve: return serve_exec;
        case SYS_exit_group: return serve_end;
        case SYS_brk: return serve_brk;
        case SYS_seccomp:
        case SYS_prctl: return serve_seccomp;
        default: return NULL;
    }
}

static void on_caught(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct call call = {.number = info->si_syscall, .context = context};
    call_server *server = info->si_code == SECCOMP_TRAP ? server_of(call.number) : NULL;
    if (server == NULL) {
        program_signal(number, info, context);
        return;
    }
    const int order[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    for (int n = 0; n < 6; n++) call.arguments[n] = (uint64_t)registers[order[n]];
    if (!server(&call)) {
        uint8_t *stub = find_stub((uint64_t)registers[REG_RIP]);
        if (stub != NULL) {
            registers[REG_RIP] = (greg_t)stub;
            return;
        }
        call.result = call_forward(&call);
    }
    registers[REG_RAX] = call.result;
}

bool catch_calls(uint64_t low, uint64_t high)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    program_signals_reserve();
    action.sa_sigaction = on_caught;
    sigfillset(&action.sa_mask);
    sigset_t open;
    sigemptyset(&open);
    sigaddset(&open, SIGSYS);
    return make_stubs() && sigaction(SIGSYS, &action, NULL) == 0 && sigprocmask(SIG_UNBLOCK, &open, NULL) == 0 && filter_install(low, high);
}
