/* What the calls of a KVM client cost, one line for each: NAME VALUE UNIT. One vCPU in real mode, no interrupt controller; medians of rounds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, CALLS = 20000, KICKS = 2000, EVENTS = 200000, MEMORY = 0x10000, LEFT = 0x10, WRITTEN = 0x20 };

/* Where the programs lie. Each goes on for ever. */
enum { PORT_OUT = 0x1000, PORT_IN = 0x1100, MMIO = 0x1200, EVENT = 0x1300, SPIN = 0x1400, PUT = 0x1500 };

static int vcpu;
static struct kvm_run *run;

static void need(int holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
    exit(2);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static double part_of(double *values, size_t count, double part)
{
    qsort(values, count, sizeof *values, ascending);
    return values[(size_t)((double)(count - 1) * part)];
}

static void go(unsigned address)
{
    struct kvm_regs registers = {.rip = address, .rflags = 2, .rdx = LEFT, .rdi = 0x0000};
    need(ioctl(vcpu, KVM_SET_REGS, &registers) == 0, "KVM_SET_REGS");
}

static void enter(unsigned reason)
{
    need(ioctl(vcpu, KVM_RUN, 0) == 0, "KVM_RUN");
    need(run->exit_reason == reason, "an exit for another reason");
}

static void measure_exits(const char *name, unsigned program, unsigned reason)
{
    double times[ROUNDS];
    go(program);
    for (int i = 0; i < CALLS; i++) enter(reason);
    for (int round = 0; round < ROUNDS; round++) {
        double begun = now();
        for (int i = 0; i < CALLS; i++) enter(reason);
        times[round] = (now() - begun) / CALLS;
    }
    printf("%s %.3f us\n", name, part_of(times, ROUNDS, 0.5));
}

static void measure_puts(void)
{
    double times[ROUNDS];
    for (int round = -1; round < ROUNDS; round++) {
        double begun = now();
        for (int i = 0; i < CALLS; i++) {
            go(PUT);
            enter(KVM_EXIT_IO);
        }
        if (round >= 0) times[round] = (now() - begun) / CALLS;
    }
    printf("set-regs-run %.3f us\n", part_of(times, ROUNDS, 0.5));
}

static void measure_gets(void)
{
    double times[ROUNDS];
    struct kvm_regs registers;
    for (int round = -1; round < ROUNDS; round++) {
        double begun = now();
        for (int i = 0; i < CALLS; i++) need(ioctl(vcpu, KVM_GET_REGS, &registers) == 0, "KVM_GET_REGS");
        if (round >= 0) times[round] = (now() - begun) / CALLS;
    }
    printf("get-regs %.3f us\n", part_of(times, ROUNDS, 0.5));
}

/* The guest kicks EVENTS times and leaves. */
static void measure_events(int vm)
{
    double times[ROUNDS];
    int event = eventfd(0, EFD_NONBLOCK);
    struct kvm_ioeventfd listener = {.addr = WRITTEN, .len = 1, .fd = event, .flags = KVM_IOEVENTFD_FLAG_PIO};
    need(ioctl(vm, KVM_IOEVENTFD, &listener) == 0, "KVM_IOEVENTFD");
    for (int round = -1; round < ROUNDS; round++) {
        go(EVENT);
        double begun = now();
        enter(KVM_EXIT_IO);
        if (round >= 0) times[round] = (now() - begun) / EVENTS;
        uint64_t kicks = 0;
        need(read(event, &kicks, sizeof kicks) == sizeof kicks && kicks == EVENTS, "kicks are missing");
    }
    printf("ioeventfd-kick %.3f us\n", part_of(times, ROUNDS, 0.5));
}

static _Atomic double sent;
static _Atomic int running;
static pthread_t runner;

static void on_signal(int number)
{
    (void)number;
}

static void *kick(void *unused)
{
    struct timespec pause = {.tv_nsec = 300000};
    for (int i = 0; i < KICKS; i++) {
        while (!atomic_load(&running)) nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        nanosleep(&pause, NULL);
        atomic_store(&running, 0);
        atomic_store(&sent, now());
        pthread_kill(runner, SIGUSR1);
    }
    return unused;
}

static void measure_kicks(void)
{
    static double times[KICKS];
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    runner = pthread_self();
    pthread_t kicker;
    need(pthread_create(&kicker, NULL, kick, NULL) == 0, "pthread_create");
    go(SPIN);
    for (int i = 0; i < KICKS; i++) {
        atomic_store(&running, 1);
        need(ioctl(vcpu, KVM_RUN, 0) < 0 && errno == EINTR, "KVM_RUN did not end with EINTR");
        times[i] = now() - atomic_load(&sent);
    }
    pthread_join(kicker, NULL);
    printf("kick-to-eintr %.3f us\n", part_of(times, KICKS, 0.5));
    printf("kick-to-eintr-p99 %.3f us\n", part_of(times, KICKS, 0.99));
}

int main(void)
{
    static const unsigned char port_out[] = {0xEE, 0xEB, 0xFD};                   /* out dx, al; jmp */
    static const unsigned char port_in[] = {0xEC, 0xEB, 0xFD};                    /* in al, dx; jmp */
    static const unsigned char mmio[] = {0x26, 0x89, 0x05, 0xEB, 0xFB};           /* mov es:[di], ax; jmp: ES is beyond the memory */
    static const unsigned char event[] = {0x66, 0xB9, EVENTS & 0xFF, EVENTS >> 8 & 0xFF, EVENTS >> 16, 0, /* mov ecx, EVENTS */
        0xE6, WRITTEN, 0x66, 0x49, 0x75, 0xFA, 0xEE};                             /* out WRITTEN, al; dec ecx; jnz; out dx, al */
    static const unsigned char spin[] = {0xEB, 0xFE};                             /* jmp */
    double begun = now();
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    need(kvm >= 0, "/dev/kvm");
    printf("open %.0f us\n", now() - begun);
    begun = now();
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    need(vm >= 0, "KVM_CREATE_VM");
    unsigned char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED, "mmap");
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)memory};
    need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
    memcpy(memory + PORT_OUT, port_out, sizeof port_out);
    memcpy(memory + PORT_IN, port_in, sizeof port_in);
    memcpy(memory + MMIO, mmio, sizeof mmio);
    memcpy(memory + EVENT, event, sizeof event);
    memcpy(memory + SPIN, spin, sizeof spin);
    memcpy(memory + PUT, port_out, sizeof port_out);
    vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    need(vcpu >= 0, "KVM_CREATE_VCPU");
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    need(run != MAP_FAILED, "mmap of the vCPU");
    struct kvm_sregs special;
    need(ioctl(vcpu, KVM_GET_SREGS, &special) == 0, "KVM_GET_SREGS");
    special.cs.base = special.cs.selector = 0;
    special.es.selector = 0x8000;
    special.es.base = 0x80000;
    need(ioctl(vcpu, KVM_SET_SREGS, &special) == 0, "KVM_SET_SREGS");
    printf("vm-and-vcpu %.0f us\n", now() - begun);
    measure_exits("port-out", PORT_OUT, KVM_EXIT_IO);
    measure_exits("port-in", PORT_IN, KVM_EXIT_IO);
    measure_exits("mmio-write", MMIO, KVM_EXIT_MMIO);
    measure_events(vm);
    measure_gets();
    measure_puts();
    measure_kicks();
    return 0;
}
