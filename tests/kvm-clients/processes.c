/* Processes: children that fork without exec, with exec, with a KVM of their own; threads that come and go. */
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include "client.h"

extern char **environ;

static struct machine machine;

static int status_of(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void set_exit(int number)
{
    (void)number;
    machine.run->immediate_exit = 1;
}

/* The parent's machine is not the child's: EIO, api.rst 2. */
static void try_fork(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct kvm_regs general;
        if (ioctl(machine.vcpu, KVM_GET_REGS, &general) != -1 || errno != EIO) _exit(1);
        if (ioctl(machine.vm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) != -1 || errno != EIO) _exit(2);
        if (ioctl(machine.vcpu, KVM_RUN, 0) != -1 || errno != EIO) _exit(3);
        close(machine.vcpu);
        close(machine.vm);
        _exit(0);
    }
    int status = status_of(child);
    check(status == 0, "a forked child gets EIO (%d)", status);
    struct kvm_regs general;
    check(ioctl(machine.vcpu, KVM_GET_REGS, &general) == 0 && general.rip == CODE, "and the parent goes on");
}

static void try_exec(const char *self)
{
    for (int n = 0; n < 20; n++) {
        pid_t child;
        char *arguments[] = {(char *)self, "child", NULL};
        if (n % 2 == 0) {
            child = fork();
            if (child == 0) {
                execv(self, arguments);
                _exit(99);
            }
        } else if (posix_spawn(&child, self, NULL, NULL, arguments, environ) != 0) {
            child = -1;
        }
        int status = child < 0 ? -1 : status_of(child);
        if (status != 0) {
            check(false, "child %d that was executed has a KVM of its own: %d", n, status);
            return;
        }
    }
    check(true, "children that were executed have a KVM of their own");
}

static void *run_once(void *argument)
{
    int vcpu = *(int *)argument;
    struct kvm_regs general = {.rip = CODE, .rflags = 2};
    machine.run->immediate_exit = 1;
    if (ioctl(vcpu, KVM_SET_REGS, &general) != 0) return "KVM_SET_REGS";
    if (ioctl(vcpu, KVM_RUN, 0) != -1 || errno != EINTR) return "KVM_RUN";
    if (ioctl(vcpu, KVM_GET_REGS, &general) != 0) return "KVM_GET_REGS";
    return NULL;
}

static void try_threads(void)
{
    const char *failed = NULL;
    for (int n = 0; n < 200 && failed == NULL; n++) {
        pthread_t thread;
        void *result;
        if (pthread_create(&thread, NULL, run_once, &machine.vcpu) != 0) failed = "pthread_create";
        else if (pthread_join(thread, &result) == 0) failed = result;
    }
    check(failed == NULL, "200 threads, one after the other, on one vCPU: %s", failed == NULL ? "fine" : failed);
}

static void *run_until_kicked(void *argument)
{
    (void)argument;
    int result = ioctl(machine.vcpu, KVM_RUN, 0);
    return result == -1 && errno == EINTR ? NULL : "KVM_RUN";
}

/* The calls on a vCPU exclude each other: another thread's waits for KVM_RUN. */
static void try_exclusion(void)
{
    pthread_t thread;
    void *result;
    struct kvm_regs general;
    struct sigaction action = {.sa_handler = set_exit};
    sigaction(SIGUSR1, &action, NULL);
    machine.run->immediate_exit = 0;
    pthread_create(&thread, NULL, run_until_kicked, NULL);
    sleep_microseconds(100000);
    pid_t child = fork();
    if (child == 0) {
        sleep_microseconds(200000);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    sigset_t wait;
    sigemptyset(&wait);
    sigaddset(&wait, SIGUSR2);
    int number;
    sigwait(&wait, &number);
    pthread_kill(thread, SIGUSR1);
    int got = ioctl(machine.vcpu, KVM_GET_REGS, &general);
    pthread_join(thread, &result);
    waitpid(child, NULL, 0);
    check(got == 0 && result == NULL, "KVM_GET_REGS beside KVM_RUN");
}

int main(int count, char **arguments)
{
    if (count > 1) {
        machine_create(&machine, LOOP16);
        return ioctl(machine.system, KVM_GET_API_VERSION, 0) == 12 ? 0 : 98;
    }
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    limit_seconds(60);
    machine_create(&machine, LOOP16);
    try_fork();
    try_exec(arguments[0]);
    try_threads();
    try_exclusion();
    machine_destroy(&machine);
    return conclude();
}
