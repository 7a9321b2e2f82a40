#include "signals.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernel_signals.h"
#include "real.h"

REAL(int, sigaction, int, const struct sigaction *, struct sigaction *)

/* What the client has set for a signal. A handler reads it without a lock: the version is odd while it is written. */
struct client_action {
    uint32_t version;
    struct sigaction action;
};

static struct client_action client[SIGNALS + 1];
static uint32_t writing;
static bool taken_over, holding;
static int reserved;

/* What the runtime has set for signals that instructions raise. */
static struct sigaction runtime[SIGNALS + 1];

/* Signals whose handler in the kernel is ours. */
static signal_set wrapped;

static __thread struct vitrine_attention *running __attribute__((tls_model("initial-exec")));

/* Open in KVM_RUN only: their handlers are not called there, and they are pending afterwards. */
static __thread signal_set deferred __attribute__((tls_model("initial-exec")));

/* Arrived while this thread was in the core, which a handler could leave by siglongjmp: blocked and pending until it has left. */
static __thread signal_set held __attribute__((tls_model("initial-exec")));
static __thread uint32_t handled __attribute__((tls_model("initial-exec")));
static __thread bool prepared __attribute__((tls_model("initial-exec")));

static void on_signal(int number, siginfo_t *info, void *context);

static bool is_function(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* Raised by instructions, of the client or of the core. */
static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGTRAP;
}

static signal_set faults(void)
{
    return signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGFPE) | signal_bit(SIGILL) | signal_bit(SIGTRAP);
}

int signals_reserved(void)
{
    return reserved;
}

/* ---- the table of the client's actions ---- */

static void read_client(int number, struct sigaction *action)
{
    struct client_action *entry = &client[number];
    uint32_t version;
    do {
        version = __atomic_load_n(&entry->version, __ATOMIC_ACQUIRE);
        *action = entry->action;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) != 0 || version != __atomic_load_n(&entry->version, __ATOMIC_RELAXED));
}

/* With all signals blocked, so that no reader on this thread waits for it. */
static void write_client(int number, const struct sigaction *action)
{
    struct client_action *entry = &client[number];
    __atomic_fetch_add(&entry->version, 1, __ATOMIC_ACQ_REL);
    entry->action = *action;
    __atomic_fetch_add(&entry->version, 1, __ATOMIC_RELEASE);
}

static signal_set lock(void)
{
    signal_set all = ~(signal_set)0, before;
    kernel_mask(SIG_SETMASK, &all, &before);
    while (__atomic_exchange_n(&writing, 1, __ATOMIC_ACQUIRE) != 0) RAW1(SYS_sched_yield, 0);
    return before;
}

static void unlock(signal_set before)
{
    __atomic_store_n(&writing, 0, __ATOMIC_RELEASE);
    kernel_mask(SIG_SETMASK, &before, NULL);
}

/* ---- handlers ---- */

/* The default action, for a signal whose handler in the kernel is ours: set, and the signal sent again for when this handler has returned. */
static void act_by_default(int number, siginfo_t *info)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction_real()(number, &action, NULL);
    __atomic_and_fetch(&wrapped, ~signal_bit(number), __ATOMIC_RELAXED);
    kernel_queue_again(number, info);
}

static void call_client(int number, siginfo_t *info, void *context)
{
    struct sigaction action;
    read_client(number, &action);
    if (action.sa_handler == SIG_IGN && info->si_code <= 0) return;
    if (!is_function(&action)) {
        act_by_default(number, info);
        return;
    }
    if (action.sa_flags & SA_RESETHAND) {
        struct sigaction none = {.sa_handler = SIG_DFL};
        signal_set before = lock();
        write_client(number, &none);
        unlock(before);
        if (!is_fault(number)) sigaction_real()(number, &none, NULL);
    }
    if (!is_fault(number)) {
        action.sa_sigaction(number, info, context);
        return;
    }

    /* The kernel's action is ours, without the client's mask. */
    signal_set mask, before;
    memcpy(&mask, &action.sa_mask, sizeof mask);
    if ((action.sa_flags & SA_NODEFER) == 0) mask |= signal_bit(number);
    mask &= ~signal_bit(reserved);
    kernel_mask(SIG_BLOCK, &mask, &before);
    if (action.sa_flags & SA_NODEFER) {
        signal_set self = signal_bit(number) & ~mask;
        kernel_mask(SIG_UNBLOCK, &self, NULL);
    }
    action.sa_sigaction(number, info, context);
    kernel_mask(SIG_SETMASK, &before, NULL);
}

/* Blocked when the handler returns, and sent again. */
static void put_off(int number, siginfo_t *info, void *context)
{
    signal_set *mask = (signal_set *)&((ucontext_t *)context)->uc_sigmask;
    *mask |= signal_bit(number);
    kernel_queue_again(number, info);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    if (holding && core_depth > 0) {
        held |= signal_bit(number);
        put_off(number, info, context);
        return;
    }
    handled++;
    if (running != NULL) {
        core_attend(running);
        if (deferred & signal_bit(number)) {
            put_off(number, info, context);
            return;
        }
    }
    call_client(number, info, context);
}

/* What an instruction has raised: in the core it is the runtime's, whose last resort is what it was told was there before, call_client. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    struct sigaction action = runtime[number];
    if (core_depth == 0 || info->si_code <= 0 || !is_function(&action)) on_signal(number, info, context);
    else action.sa_sigaction(number, info, context);
}

/* ---- setting actions ---- */

static int wrap(int number, const struct sigaction *action)
{
    struct sigaction ours = *action;
    ours.sa_sigaction = on_signal;
    ours.sa_flags = (action->sa_flags | SA_SIGINFO) & ~SA_RESETHAND;
    sigdelset(&ours.sa_mask, reserved);
    int result = sigaction_real()(number, &ours, NULL);
    if (result == 0) __atomic_or_fetch(&wrapped, signal_bit(number), __ATOMIC_RELAXED);
    return result;
}

static void wrap_fault(int number)
{
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    ours.sa_sigaction = on_fault;
    sigaction_real()(number, &ours, NULL);
}

void signals_release(void)
{
    signal_set set = held;
    if (set == 0) return;
    held = 0;
    kernel_mask(SIG_UNBLOCK, &set, NULL);
}

uint32_t signals_handled(void)
{
    return handled;
}

void signals_take_over(bool holds)
{
    holding = holds;
    signal_set before = lock();
    struct sigaction action;
    for (int number = 1; number <= SIGNALS; number++) {
        if (is_fault(number) || number == reserved || sigaction_real()(number, NULL, &action) != 0) continue;
        if (!is_function(&action) || action.sa_sigaction == on_signal) continue;
        write_client(number, &action);
        wrap(number, &action);
    }
    __atomic_store_n(&taken_over, true, __ATOMIC_RELEASE);
    unlock(before);
}

/* The signals of instructions, and the runtime's own: from when the runtime first asks, which is while the core is loaded. */
static void prepare_faults(void)
{
    if (reserved != 0) return;
    signal_set before = lock();
    struct sigaction action;
    for (int number = SIGNALS - 1; number > SIGRTMIN && reserved == 0; number--) {
        if (sigaction_real()(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL) reserved = number;
    }
    for (int number = 1; number <= SIGNALS; number++) {
        if (!is_fault(number) || sigaction_real()(number, NULL, &action) != 0) continue;
        write_client(number, &action);
        runtime[number].sa_sigaction = call_client;
        runtime[number].sa_flags = SA_SIGINFO | SA_ONSTACK;
        wrap_fault(number);
    }
    unlock(before);
}

int signals_set_runtime_action(int number, const struct sigaction *action, struct sigaction *previous)
{
    prepare_faults();
    if (number == SIGRTMIN) return sigaction_real()(reserved, action, previous);
    if (!is_fault(number)) return sigaction_real()(number, action, previous);
    if (previous != NULL) *previous = runtime[number];
    if (action == NULL) return 0;
    runtime[number] = *action;

    /* The runtime gives up: the process ends by this signal. */
    return action->sa_handler == SIG_DFL ? sigaction_real()(number, action, NULL) : 0;
}

int signals_set_action(int number, const struct sigaction *action, struct sigaction *previous)
{
    if (!__atomic_load_n(&taken_over, __ATOMIC_ACQUIRE) || number < 1 || number > SIGNALS || core_is_parents()) {
        return sigaction_real()(number, action, previous);
    }
    if (number == reserved) {
        errno = EINVAL;
        return -1;
    }

    struct sigaction wanted = {0}, was, kernel;
    if (action != NULL) wanted = *action;
    signal_set before = lock();
    int result = sigaction_real()(number, NULL, &kernel);
    bool ours = kernel.sa_sigaction == on_signal || kernel.sa_sigaction == on_fault;
    if (ours) read_client(number, &was);
    else was = kernel;
    if (result == 0 && action != NULL) {
        if (is_fault(number) && ours) {
            write_client(number, &wanted);
        } else if (is_function(&wanted)) {
            write_client(number, &wanted);
            result = wrap(number, &wanted);
        } else {
            result = sigaction_real()(number, &wanted, NULL);
            if (result == 0) __atomic_and_fetch(&wrapped, ~signal_bit(number), __ATOMIC_RELAXED);
        }
    }
    unlock(before);
    if (result == 0 && previous != NULL) *previous = was;
    return result;
}

/* ---- KVM_RUN ---- */

/* A signal that is open in KVM_RUN only would act by default there, where KVM leaves it pending. */
static void wrap_deferred(signal_set set)
{
    for (int number = 1; number <= SIGNALS; number++) {
        struct sigaction kernel;
        if ((set & signal_bit(number)) == 0 || sigaction_real()(number, NULL, &kernel) != 0 || kernel.sa_handler != SIG_DFL) continue;
        struct sigaction none = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART};
        signal_set before = lock();
        write_client(number, &kernel);
        wrap(number, &none);
        unlock(before);
    }
}

bool signals_enter(struct vitrine_attention *attention, struct signals_run *run)
{
    run->masked = attention->mask_set != 0;
    attention->signal = 0;
    if (run->masked) {
        signal_set inside = attention->mask & ~signal_bit(reserved) & ~faults();
        kernel_mask(SIG_BLOCK, NULL, &run->outside);
        deferred = run->outside & ~inside;
        if (deferred & kernel_pending()) {
            deferred = 0;
            return false;
        }
        signal_set unwrapped = deferred & ~__atomic_load_n(&wrapped, __ATOMIC_RELAXED) & ~faults();
        if (unwrapped != 0) wrap_deferred(unwrapped);
        running = attention;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        kernel_mask(SIG_SETMASK, &inside, NULL);
        return true;
    }
    running = attention;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

void signals_leave(const struct signals_run *run)
{
    /* The mask first: what arrives until then is still a signal in KVM_RUN. */
    if (run->masked) kernel_mask(SIG_SETMASK, &run->outside, NULL);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    running = NULL;
    deferred = 0;
}

void signals_block(sigset_t *before)
{
    signal_set all = ~faults();
    if (reserved != 0) all &= ~signal_bit(reserved);
    memset(before, 0, sizeof *before);
    kernel_mask(SIG_BLOCK, &all, (signal_set *)before);
}

void signals_restore(const sigset_t *before)
{
    kernel_mask(SIG_SETMASK, (const signal_set *)before, NULL);
}

void signals_prepare_thread(void)
{
    if (prepared) return;
    prepared = true;
    signal_set own = signal_bit(reserved);
    kernel_mask(SIG_UNBLOCK, &own, NULL);
}
