/* A small client of /dev/kvm, as virtual machine monitors are: what the programs beside this file share. */
#ifndef VITRINE_CLIENT_H
#define VITRINE_CLIENT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY = 0x10000, CODE = 0x1000 };

/* What the guest does: jumps to itself in 16-bit code or in 32-bit code, or halts with an interrupt controller that never interrupts. */
enum guest { LOOP16, LOOP32, HALT };
static const char *const guest_names[] = {"loop16", "loop32", "halt"};

struct machine {
    int system, vm, vcpu;
    struct kvm_run *run;
    int run_bytes;
    uint8_t *memory;
};

static int failures;

/* One line for each thing that was tried. */
static inline void check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void check(bool holds, const char *format, ...)
{
    va_list arguments;
    int error = errno;
    va_start(arguments, format);
    printf(holds ? "ok " : "FAIL (errno %d) ", error);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
    if (!holds) failures++;
}

static inline int must(int result, const char *what)
{
    if (result >= 0) return result;
    perror(what);
    exit(2);
}

static inline void machine_create(struct machine *m, enum guest guest)
{
    static const uint8_t loop[] = {0xEB, 0xFE}, halt[] = {0xF4, 0xEB, 0xFD};
    m->system = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
    m->vm = must(ioctl(m->system, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    must(ioctl(m->vm, KVM_SET_TSS_ADDR, 0xFFFBD000ul), "KVM_SET_TSS_ADDR");
    if (guest == HALT) must(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->memory == MAP_FAILED) must(-1, "mmap of memory");
    memcpy(m->memory + CODE, guest == HALT ? halt : loop, guest == HALT ? sizeof halt : sizeof loop);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)m->memory};
    must(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    m->vcpu = must(ioctl(m->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    m->run_bytes = must(ioctl(m->system, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    m->run = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
    if (m->run == MAP_FAILED) must(-1, "mmap of kvm_run");

    struct kvm_sregs special;
    must(ioctl(m->vcpu, KVM_GET_SREGS, &special), "KVM_GET_SREGS");
    special.cs.base = 0;
    special.cs.selector = 0;
    if (guest == LOOP32) {
        struct kvm_segment data = {.limit = 0xFFFFFFFF, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
        special.ds = special.es = special.fs = special.gs = special.ss = data;
        data.type = 11;
        data.selector = 8;
        special.cs = data;
        special.cr0 |= 1;
    }
    must(ioctl(m->vcpu, KVM_SET_SREGS, &special), "KVM_SET_SREGS");
    struct kvm_regs general = {.rip = CODE, .rflags = 2, .rsp = 0x8000};
    must(ioctl(m->vcpu, KVM_SET_REGS, &general), "KVM_SET_REGS");
}

static inline void machine_destroy(struct machine *m)
{
    munmap(m->run, m->run_bytes);
    close(m->vcpu);
    close(m->vm);
    close(m->system);
    munmap(m->memory, MEMORY);
}

static inline pid_t thread_number(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static inline void sleep_microseconds(long microseconds)
{
    struct timespec time = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

/* Ends a program that hangs, with a status of its own. */
static inline void limit_seconds(unsigned seconds)
{
    if (fork() == 0) {
        pid_t parent = getppid();
        for (unsigned n = 0; n < seconds * 10 && getppid() == parent; n++) sleep_microseconds(100000);
        if (getppid() == parent) {
            printf("FAIL hangs\n");
            fflush(stdout);
            kill(parent, SIGKILL);
        }
        _exit(0);
    }
}

static inline int conclude(void)
{
    return failures == 0 ? 0 : 1;
}

#endif
