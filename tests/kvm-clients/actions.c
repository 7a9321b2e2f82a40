/* Actions of signals while KVM is open: what sigaction(2) says, and what happens. */
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "client.h"

static volatile int handled, depth, deepest, value;
static volatile bool on_alternate, blocked;
static char alternate[65536];
static sigjmp_buf back;
static int *volatile nowhere = (int *)8;

static void plain(int number)
{
    (void)number;
    handled++;
}

static void detailed(int number, siginfo_t *info, void *context)
{
    char here;
    sigset_t now;
    (void)context;
    handled++;
    value = info->si_value.sival_int;
    on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
    sigprocmask(SIG_BLOCK, NULL, &now);
    blocked = sigismember(&now, SIGUSR2) == 1 && sigismember(&now, number) == 1;
}

static void nested(int number)
{
    if (++depth > deepest) deepest = depth;
    if (depth < 3) raise(number);
    depth--;
}

static void jump(int number)
{
    siglongjmp(back, number);
}

static void try_queries(void)
{
    struct sigaction action = {.sa_sigaction = detailed, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, seen;
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR1, NULL, &seen);
    check(seen.sa_sigaction == detailed && (seen.sa_flags & (SA_SIGINFO | SA_RESTART | SA_ONSTACK)) == (SA_SIGINFO | SA_RESTART | SA_ONSTACK) &&
              sigismember(&seen.sa_mask, SIGUSR2) == 1 && sigismember(&seen.sa_mask, SIGHUP) == 0,
          "a query returns what was set");
    check(signal(SIGUSR1, plain) == (void (*)(int))(void *)detailed && signal(SIGUSR1, SIG_IGN) == plain && signal(SIGUSR1, SIG_DFL) == SIG_IGN &&
              signal(SIGUSR1, SIG_DFL) == SIG_DFL,
          "signal() returns what was set");
    check(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL, "SIGKILL has no handler");
    check(sigaction(65, &action, NULL) == -1 && errno == EINVAL, "there is no signal 65");
}

static void try_flags(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    must(sigaltstack(&stack, NULL), "sigaltstack");
    struct sigaction action = {.sa_sigaction = detailed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &action, NULL);
    handled = 0;
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 4711});
    check(handled == 1 && value == 4711 && on_alternate && blocked, "SA_SIGINFO, SA_ONSTACK and the mask");
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    check(handled == 2 && !on_alternate, "without SA_ONSTACK");

    struct sigaction once = {.sa_handler = plain, .sa_flags = (int)SA_RESETHAND}, seen;
    sigaction(SIGUSR1, &once, NULL);
    handled = 0;
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &seen);
    check(handled == 1 && seen.sa_handler == SIG_DFL, "SA_RESETHAND");
    struct sigaction nodefer = {.sa_handler = nested, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &nodefer, NULL);
    raise(SIGUSR1);
    check(deepest == 3, "SA_NODEFER");
}

static void try_faults(void)
{
    struct sigaction action = {.sa_handler = jump};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    for (volatile int n = 0; n < 3; n++) {
        int number = sigsetjmp(back, 1);
        if (number == 0) *nowhere = 1;
        check(number == SIGSEGV, "a handler for SIGSEGV that jumps, time %d", n);
    }
    int number = sigsetjmp(back, 1);
    if (number == 0) __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "eax", "ecx", "edx", "cc");
    check(number == SIGFPE, "a handler for SIGFPE");
    number = sigsetjmp(back, 1);
    if (number == 0) __asm__ volatile("ud2");
    check(number == SIGILL, "a handler for SIGILL");
    number = sigsetjmp(back, 1);
    if (number == 0) raise(SIGSEGV);
    check(number == SIGSEGV, "SIGSEGV that was sent");
    signal(SIGSEGV, SIG_IGN);
    raise(SIGSEGV);
    check(true, "SIGSEGV that was sent and is ignored");
    signal(SIGSEGV, SIG_DFL);
    signal(SIGFPE, SIG_DFL);
    signal(SIGILL, SIG_DFL);
}

static int die(int number)
{
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    int pipe_ends[2];
    switch (number) {
        case SIGSEGV: *nowhere = 1; break;
        case SIGILL: __asm__ volatile("ud2"); break;
        case SIGTRAP: __asm__ volatile("int3"); break;
        case SIGABRT: abort();
        case SIGPIPE:
            if (pipe(pipe_ends) == 0 && close(pipe_ends[0]) == 0 && write(pipe_ends[1], "", 1) < 0) return 1;
            break;
        default: raise(number);
    }
    return 0;
}

/* A crash is the client's own, in the process that has the machine. */
static void try_deaths(void)
{
    static const int numbers[] = {SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGPIPE, SIGTERM, SIGBUS};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            struct machine own;
            machine_create(&own, LOOP16);
            _exit(die(numbers[n]));
        }
        waitpid(child, &status, 0);
        check(WIFSIGNALED(status) && WTERMSIG(status) == numbers[n], "signal %d ends the process: status %#x", numbers[n], (unsigned)status);
    }
}

int main(void)
{
    limit_seconds(60);
    signal(SIGPIPE, SIG_DFL); /* whatever it was in who has started this */
    try_deaths();
    struct machine machine;
    machine_create(&machine, LOOP16);
    try_queries();
    try_flags();
    try_faults();
    machine_destroy(&machine);
    return conclude();
}
