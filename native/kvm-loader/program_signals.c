#include "program_signals.h"

#include <errno.h>

#include "call.h"
#include "companions.h"
#include "host_threads.h"

enum { SIGNALS = 64, SET_BYTES = 8 };

/* struct sigaction as the kernel has it on x86-64. */
struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    uint64_t flags;
    void (*restorer)(void);
    signal_set mask;
};

static struct kernel_action program[SIGNALS + 1];
static struct sigaction runtime[SIGNALS + 1];
static struct kernel_action deadly;
static bool faults_shared;
static int reserved;

static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGTRAP;
}

/* End a process that has no handler for them: the core writes down what it knows first. */
static bool is_deadly(int number)
{
    return number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGABRT || number == SIGALRM || number == SIGTERM;
}

static bool is_function(const struct kernel_action *action)
{
    return (uint64_t)action->handler > 1;
}

static long set_kernel_action(int number, const struct kernel_action *action, struct kernel_action *previous)
{
    return RAW4(SYS_rt_sigaction, number, action, previous, SET_BYTES);
}

static void set_mask(int how, const signal_set *set, signal_set *before)
{
    RAW4(SYS_rt_sigprocmask, how, set, before, SET_BYTES);
}

/* Virtual: the kernel's action is ours. */
static bool is_virtual(int number)
{
    return number == SIGSYS || number == reserved || (is_fault(number) && __atomic_load_n(&faults_shared, __ATOMIC_ACQUIRE));
}

static signal_set never_blocked(void)
{
    return signal_bit(SIGSYS) | (__atomic_load_n(&faults_shared, __ATOMIC_ACQUIRE) ? signal_bit(reserved) : 0);
}

static void act_by_default(int number, siginfo_t *info)
{
    struct kernel_action none = {0};
    set_kernel_action(number, &none, NULL);
    raw_call(SYS_rt_tgsigqueueinfo, RAW1(SYS_getpid, 0), RAW1(SYS_gettid, 0), number, (long)info, 0, 0);
}

void program_signal(int number, siginfo_t *info, void *context)
{
    struct kernel_action action = program[number];
    if ((uint64_t)action.handler == 1 && info->si_code <= 0) return;
    if (!is_function(&action)) {
        if (!host_thread_is_this()) companions_end();
        act_by_default(number, info);
        return;
    }
    if (action.flags & (uint64_t)(unsigned)SA_RESETHAND) program[number].handler = NULL;
    signal_set mask = *(signal_set *)&((ucontext_t *)context)->uc_sigmask | action.mask, before;
    if ((action.flags & SA_NODEFER) == 0) mask |= signal_bit(number);
    mask &= ~never_blocked();
    set_mask(SIG_SETMASK, &mask, &before);
    action.handler(number, info, context);
    set_mask(SIG_SETMASK, &before, NULL);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct sigaction action = runtime[number];
    if (info->si_code > 0 && host_thread_is_this()) {
        if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) act_by_default(number, info);
        else action.sa_sigaction(number, info, context);
        return;
    }
    program_signal(number, info, context);
}

static void on_deadly(int number, siginfo_t *info, void *context)
{
    (void)context;
    companions_end();
    act_by_default(number, info);
}

static void share_deadly(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct kernel_action there;
    if (set_kernel_action(number, NULL, &there) != 0 || there.handler != NULL) return;
    action.sa_sigaction = on_deadly;
    sigfillset(&action.sa_mask);
    sigaction(number, &action, NULL);
    set_kernel_action(number, NULL, &deadly);
}

void program_signals_reserve(void)
{
    struct kernel_action free;
    for (int number = SIGNALS - 1; number > SIGRTMIN && reserved == 0; number--) {
        if (set_kernel_action(number, NULL, &free) == 0 && free.handler == NULL) reserved = number;
    }
}

void program_signals_share_faults(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = on_fault;
    for (int number = 1; number <= SIGNALS; number++) {
        if (is_deadly(number)) share_deadly(number);
        if (!is_fault(number)) continue;
        set_kernel_action(number, NULL, &program[number]);
        sigaction(number, &action, NULL);
    }
    __atomic_store_n(&faults_shared, true, __ATOMIC_RELEASE);
}

int program_signals_set_runtime_action(int number, const struct sigaction *action, struct sigaction *previous)
{
    if (number == SIGRTMIN) return sigaction(reserved, action, previous);
    if (!is_fault(number)) return sigaction(number, action, previous);
    if (previous != NULL) *previous = runtime[number];
    if (action == NULL) return 0;
    runtime[number] = *action;
    return action->sa_handler == SIG_DFL ? sigaction(number, action, NULL) : 0;
}

int program_signals_reserved(void)
{
    return reserved;
}

bool serve_sigaction(struct call *call)
{
    int number = (int)call->arguments[0];
    struct kernel_action wanted, was;
    bool sets = call->arguments[1] != 0, asks = call->arguments[2] != 0;
    if (call->arguments[3] != SET_BYTES || number < 1 || number > SIGNALS) return false;
    if (sets && raw_read_memory(&wanted, call->arguments[1], sizeof wanted) != sizeof wanted) {
        call->result = -EFAULT;
        return true;
    }
    if (is_virtual(number)) {
        was = program[number];
        if (sets) program[number] = wanted;
        call->result = 0;
    } else {
        if (sets) wanted.mask &= ~never_blocked();
        if (sets && is_deadly(number) && wanted.handler == NULL && deadly.handler != NULL) wanted = deadly;
        call->result = set_kernel_action(number, sets ? &wanted : NULL, &was);
        if (call->result == 0 && was.handler == on_deadly) was = (struct kernel_action){0};
    }
    if (call->result == 0 && asks && !raw_write_memory(call->arguments[2], &was, sizeof was)) call->result = -EFAULT;
    return true;
}

/* The mask is in the frame that the kernel takes it from when this handler returns. */
bool serve_sigmask(struct call *call)
{
    signal_set set, *mask = call_mask(call), before = *mask;
    call->result = 0;
    if (call->arguments[3] != SET_BYTES) return false;
    if (raw_read_memory(&set, call->arguments[1], sizeof set) != sizeof set) {
        call->result = -EFAULT;
        return true;
    }
    switch ((int)call->arguments[0]) {
        case SIG_BLOCK: *mask |= set & ~never_blocked(); break;
        case SIG_UNBLOCK: *mask &= ~set; break;
        case SIG_SETMASK: *mask = set & ~never_blocked(); break;
        default: call->result = -EINVAL; return true;
    }
    if (call->arguments[2] != 0 && !raw_write_memory(call->arguments[2], &before, sizeof before)) call->result = -EFAULT;
    return true;
}

/* Waits with a mask for their time: a call that is caught in a handler must not find SIGSYS blocked. */
bool serve_wait(struct call *call)
{
    struct {
        uint64_t set, bytes;
    } with_size = {0};
    signal_set mask;
    int index = call->number == SYS_rt_sigsuspend ? 0 : call->number == SYS_ppoll ? 3 : call->number == SYS_pselect6 ? 5 : 4;
    uint64_t address = call->arguments[index];
    if (call->number == SYS_pselect6) {
        if (raw_read_memory(&with_size, address, sizeof with_size) != sizeof with_size || with_size.set == 0) return false;
        address = with_size.set;
    }
    if (raw_read_memory(&mask, address, sizeof mask) != sizeof mask || (mask & never_blocked()) == 0) return false;
    mask &= ~never_blocked();
    if (call->number == SYS_pselect6) with_size.set = (uint64_t)&mask;
    call->arguments[index] = call->number == SYS_pselect6 ? (uint64_t)&with_size : (uint64_t)&mask;
    call->result = call_forward(call);
    return true;
}
