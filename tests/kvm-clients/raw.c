/* A client without any C library, as programs in other languages are: system calls of its own, threads by clone(2). Its argument says how it ends. */
#include <asm/unistd.h>
#include <linux/kvm.h>
#include <linux/sched.h>

enum { MEMORY = 0x10000, CODE = 0x1000, STACK = 0x10000, O_RDWR = 2, READ_WRITE = 3, PRIVATE = 0x22, SHARED = 1, USER_SIGNAL = 10, TERMINATE = 15, INTERRUPTED = -4 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

#define CALL1(n, a) call(n, (long)(a), 0, 0, 0, 0, 0)
#define CALL3(n, a, b, c) call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define MAP(bytes, flags, file) (void *)call(__NR_mmap, 0, (long)(bytes), READ_WRITE, flags, file, 0)

void *memcpy(void *to, const void *from, unsigned long bytes);
void *memset(void *to, int value, unsigned long bytes);

void *memcpy(void *to, const void *from, unsigned long bytes)
{
    for (unsigned long n = 0; n < bytes; n++) ((volatile char *)to)[n] = ((const char *)from)[n];
    return to;
}

void *memset(void *to, int value, unsigned long bytes)
{
    for (unsigned long n = 0; n < bytes; n++) ((volatile char *)to)[n] = (char)value;
    return to;
}

static void say(const char *text)
{
    unsigned long length = 0;
    while (text[length] != 0) length++;
    CALL3(__NR_write, 1, text, length);
}

static int failures;

static void check(int holds, const char *what)
{
    say(holds ? "ok " : "FAIL ");
    say(what);
    say("\n");
    if (!holds) failures++;
}

static long vcpu;
static volatile struct kvm_run *run;
static volatile unsigned char *memory;
static volatile int handled, thread_number, ended;
static volatile long thread_result;

__attribute__((naked)) static void restore(void)
{
    __asm__("mov $15, %eax\n\tsyscall");
}

static void handle(int number)
{
    (void)number;
    handled++;
}

static void start_guest(const unsigned char *code, unsigned bytes)
{
    struct kvm_sregs special;
    struct kvm_regs general = {.rip = CODE, .rflags = 2};
    for (unsigned n = 0; n < bytes; n++) memory[CODE + n] = code[n];
    CALL3(__NR_ioctl, vcpu, KVM_GET_SREGS, &special);
    special.cs.base = 0;
    special.cs.selector = 0;
    check(CALL3(__NR_ioctl, vcpu, KVM_SET_SREGS, &special) == 0 && CALL3(__NR_ioctl, vcpu, KVM_SET_REGS, &general) == 0, "registers");
}

__attribute__((used)) static void thread(void)
{
    thread_number = (int)CALL1(__NR_gettid, 0);
    thread_result = CALL3(__NR_ioctl, vcpu, KVM_RUN, 0);
    ended = 1;
    CALL1(__NR_exit, 0);
}

/* The thread's stack is its own; it never returns. */
__attribute__((naked)) static long start_thread(unsigned long flags, void *stack)
{
    (void)flags;
    (void)stack;
    __asm__("xor %edx, %edx\n\txor %r10d, %r10d\n\txor %r8d, %r8d\n\tmov $56, %eax\n\tsyscall\n\ttest %rax, %rax\n\tjz 1f\n\tret\n1:\tcall thread\n\thlt");
}

static void interrupt_thread(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = {handle, 0x04000000, restore, 0};
    static const unsigned char loop[] = {0xEB, 0xFE};
    check(call(__NR_rt_sigaction, USER_SIGNAL, (long)&action, 0, 8, 0, 0) == 0, "a handler");
    start_guest(loop, sizeof loop);
    char *stack = MAP(STACK, PRIVATE, -1);
    check(start_thread(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, stack + STACK) > 0, "a thread");
    struct {
        long seconds, nanoseconds;
    } moment = {0, 5000000};
    for (int round = 0; round < 1000 && !ended; round++) {
        CALL3(__NR_nanosleep, &moment, 0, 0);
        if (thread_number != 0 && !ended) CALL3(__NR_tgkill, CALL1(__NR_getpid, 0), thread_number, USER_SIGNAL);
    }
    check(ended && thread_result == INTERRUPTED && handled > 0, "a signal ends KVM_RUN of a thread");
}

__attribute__((used)) static void begin(long *stack)
{
    static const unsigned char code[] = {0xB0, 0x2A, 0xE6, 0x10, 0xF4};
    const char *ending = stack[0] > 1 ? (const char *)stack[2] : "";
    long kvm = CALL3(__NR_open, "/dev/kvm", O_RDWR, 0), machine = CALL3(__NR_ioctl, kvm, KVM_CREATE_VM, 0);
    memory = MAP(MEMORY, PRIVATE, -1);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (unsigned long)memory};
    check(CALL3(__NR_ioctl, machine, KVM_SET_USER_MEMORY_REGION, &region) == 0, "memory");
    vcpu = CALL3(__NR_ioctl, machine, KVM_CREATE_VCPU, 0);
    run = MAP(CALL3(__NR_ioctl, kvm, KVM_GET_VCPU_MMAP_SIZE, 0), SHARED, vcpu);
    start_guest(code, sizeof code);
    check(CALL3(__NR_ioctl, vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_IO && ((unsigned char *)run)[run->io.data_offset] == 0x2A, "an access");
    check(CALL3(__NR_ioctl, vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_HLT, "a halt");
    interrupt_thread();
    switch (ending[0]) {
        case 'e': CALL1(__NR_exit, 3); break;
        case 't': CALL3(__NR_kill, CALL1(__NR_getpid, 0), TERMINATE, 0); break;
        case 'f': __asm__ volatile("movl $0, 8" ::: "memory"); break;
        default: break;
    }
    CALL1(__NR_exit_group, failures);
}

__attribute__((naked, used)) void _start(void)
{
    __asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n\thlt");
}
