/*
 * KVM exit round trip in plain C: the floor that a VMM can reach on this host.
 * The guest is `again: out 0x80, al; jmp again` in ring 0, real mode. The machine is set up as Vitrine sets up its own:
 * TSS and identity-map addresses, in-kernel interrupt controllers and PIT, CPUID as KVM supports it.
 *
 * usage: exit_roundtrip CHUNKS     prints nanoseconds per exit: the median over chunks of 100 exits, so that a chunk
 * which lost the CPU to another process does not count
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

static const unsigned char code[] = {0xE6, 0x80, 0xEB, 0xFC};
enum { MEMORY = 1 << 20, CODE = 0x1000, WARM_UP = 1000, CPUID_ENTRIES = 256, CHUNK = 100 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int call(int fd, unsigned long request, void *argument, const char *what)
{
    int result = ioctl(fd, request, argument);
    if (result < 0) fail(what);
    return result;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(int vcpu, volatile struct kvm_run *state, long exits)
{
    for (long i = 0; i < exits; i++) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) fail("KVM_RUN");
        if (state->exit_reason != KVM_EXIT_IO || state->io.port != 0x80) {
            fprintf(stderr, "unexpected exit %u\n", state->exit_reason);
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    long chunks = argc > 1 ? atol(argv[1]) : 200;
    double *times = calloc(chunks, sizeof *times);
    if (chunks < 1 || !times) return 1;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) fail("/dev/kvm");
    int vm = call(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
    uint64_t identity = 0xFEFFC000;
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    call(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity, "KVM_SET_IDENTITY_MAP_ADDR");
    call(vm, KVM_SET_TSS_ADDR, (void *)0xFEFFD000, "KVM_SET_TSS_ADDR");
    call(vm, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
    call(vm, KVM_CREATE_PIT2, &pit, "KVM_CREATE_PIT2");

    unsigned char *memory = mmap(0, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    memcpy(memory + CODE, code, sizeof code);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uint64_t)memory};
    call(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");

    int vcpu = call(vm, KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU");
    int size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
    volatile struct kvm_run *state = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (state == MAP_FAILED) fail("mmap");
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    cpuid->nent = CPUID_ENTRIES;
    call(kvm, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID");
    call(vcpu, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2");

    struct kvm_sregs sregs;
    call(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    sregs.cs.selector = 0;
    sregs.cs.base = 0;
    call(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
    struct kvm_regs regs = {.rip = CODE, .rflags = 2};
    call(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");

    run(vcpu, state, WARM_UP);
    for (long i = 0; i < chunks; i++) {
        double start = now();
        run(vcpu, state, CHUNK);
        times[i] = (now() - start) / CHUNK;
    }
    qsort(times, chunks, sizeof *times, ascending);
    printf("%.1f\n", times[chunks / 2]);
    return 0;
}
