/* Signals that reach a thread in KVM_RUN: each ends it with EINTR, and handlers run as ever. */
#include <pthread.h>
#include <sys/time.h>

#include "client.h"

enum { KICKS = 50 };

static struct machine machine;
static volatile int handled, rounds, finished;
static volatile pid_t handled_by;
static pid_t runner;

static void count(int number)
{
    (void)number;
    handled++;
    handled_by = thread_number();
}

static void count_and_exit(int number)
{
    count(number);
    machine.run->immediate_exit = 1;
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    must(sigaction(number, &action, NULL), "sigaction");
}

/* Sends a signal some time after each round has begun, and again until it has ended. */
static void *kick(void *argument)
{
    int number = *(int *)argument;
    for (int seen = 0; !finished;) {
        if (rounds == seen) {
            sleep_microseconds(50);
            continue;
        }
        seen = rounds;
        sleep_microseconds(100 + seen % 7 * 150);
        while (rounds == seen && !finished) {
            syscall(SYS_tgkill, getpid(), runner, number);
            sleep_microseconds(20000);
        }
    }
    return NULL;
}

static void run_rounds(const char *name, int number, enum guest guest, void (*each)(int *good))
{
    pthread_t thread;
    handled = rounds = finished = 0;
    runner = thread_number();
    machine_create(&machine, guest);
    must(pthread_create(&thread, NULL, kick, &number) == 0 ? 0 : -1, "pthread_create");
    int good = 0;
    for (int n = 0; n < KICKS; n++) {
        rounds++;
        each(&good);
    }
    finished = 1;
    pthread_join(thread, NULL);
    check(good == KICKS, "%s, signal %s, %s: %d of %d", name, number == SIGUSR1 ? "USR1" : "RTMIN", guest_names[guest], good, KICKS);
    machine_destroy(&machine);
}

static void run_interrupted(int *good)
{
    int before = handled;
    machine.run->immediate_exit = 0;
    int result = ioctl(machine.vcpu, KVM_RUN, 0);
    if (result == -1 && errno == EINTR && handled > before && handled_by == runner) (*good)++;
}

static sigset_t wanted;

/* The signal is open in KVM_RUN only, as monitors had it before immediate_exit: it is pending afterwards, and its handler has not run. */
static void run_masked(int *good)
{
    struct timespec none = {0};
    sigset_t pending;
    int result = ioctl(machine.vcpu, KVM_RUN, 0), error = errno;
    sigpending(&pending);
    int eaten = sigtimedwait(&wanted, NULL, &none);
    if (result == -1 && error == EINTR && eaten > 0 && sigismember(&pending, eaten) && handled == 0) (*good)++;
    while (sigtimedwait(&wanted, NULL, &none) > 0) {}
}

static void set_mask(int vcpu, const sigset_t *set)
{
    struct {
        struct kvm_signal_mask head;
        uint64_t set;
    } mask = {.head = {.len = 8}};
    memcpy((char *)&mask + offsetof(struct kvm_signal_mask, sigset), set, 8);
    must(ioctl(vcpu, KVM_SET_SIGNAL_MASK, &mask), "KVM_SET_SIGNAL_MASK");
}

static void run_masked_once(int *good)
{
    sigset_t open;
    pthread_sigmask(SIG_SETMASK, NULL, &open);
    sigdelset(&open, SIGUSR1);
    sigdelset(&open, SIGRTMIN);
    set_mask(machine.vcpu, &open);
    run_masked(good);
}

static void try_kicks(int number, enum guest guest, bool with_default_action)
{
    handle(number, count_and_exit);
    run_rounds("kick with immediate_exit", number, guest, run_interrupted);
    handle(number, count);
    run_rounds("kick", number, guest, run_interrupted);

    sigset_t before;
    sigemptyset(&wanted);
    sigaddset(&wanted, number);
    pthread_sigmask(SIG_BLOCK, &wanted, &before);
    if (with_default_action) {
        handle(number, SIG_DFL);
        run_rounds("kick under a mask, without a handler", number, guest, run_masked_once);
    } else {
        run_rounds("kick under a mask", number, guest, run_masked_once);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Goes to any thread of the process that doesn't block it: that must be the one thread that the client has. */
static void try_alarm(enum guest guest)
{
    struct itimerval every = {.it_interval = {.tv_usec = 3000}, .it_value = {.tv_usec = 3000}}, none = {0};
    machine_create(&machine, guest);
    handle(SIGALRM, count_and_exit);
    handled = 0;
    runner = thread_number();
    int good = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    for (int n = 0; n < KICKS; n++) run_interrupted(&good);
    setitimer(ITIMER_REAL, &none, NULL);
    check(good == KICKS, "alarm of the process, %s: %d of %d", guest_names[guest], good, KICKS);
    machine_destroy(&machine);
}

int main(void)
{
    limit_seconds(120);
    for (enum guest guest = LOOP16; guest <= HALT; guest++) {
        try_kicks(SIGUSR1, guest, true);
        try_kicks(SIGRTMIN, guest, false);
        try_alarm(guest);
    }
    return conclude();
}
