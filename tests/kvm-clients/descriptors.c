/* Descriptors: duplicated, reused, polled, closed in any order, many of them; the device node by its names; pointers to nowhere. */
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "client.h"

static int count_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL) count++;
    closedir(folder);
    return count;
}

static void try_node(void)
{
    struct stat status;
    int folder = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(access("/dev/kvm", R_OK | W_OK) == 0, "access");
    check(stat("/dev/kvm", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == 10 * 256 + 232, "stat");
    check(fstatat(folder, "kvm", &status, 0) == 0 && S_ISCHR(status.st_mode), "fstatat");
    int relative = openat(folder, "kvm", O_RDWR | O_CLOEXEC), round_about = open("/proc/../dev/./kvm", O_RDWR | O_CLOEXEC);
    check(relative >= 0 && ioctl(relative, KVM_GET_API_VERSION, 0) == 12, "openat from /dev");
    check(round_about >= 0 && ioctl(round_about, KVM_GET_API_VERSION, 0) == 12, "a path with dots");
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", relative);
    int again = open(name, O_RDWR | O_CLOEXEC);
    check(again >= 0 && ioctl(again, KVM_GET_API_VERSION, 0) == 12, "opened again through /proc/self/fd");
    check(fcntl(relative, F_GETFD) == FD_CLOEXEC, "closed at exec when asked for");
    int inherited = open("/dev/kvm", O_RDWR);
    check(fcntl(inherited, F_GETFD) == 0, "and not otherwise");
    check(ioctl(relative, 0xAEFF, 0) == -1 && errno == EINVAL, "an unknown ioctl of the system");
    close(folder);
    close(relative);
    close(round_about);
    close(again);
    close(inherited);
}

static void try_duplicates(void)
{
    struct machine m;
    struct kvm_regs general;
    machine_create(&m, LOOP16);
    int copy = dup(m.vcpu), number = m.vcpu;
    check(ioctl(copy, KVM_GET_REGS, &general) == 0 && general.rip == CODE, "a duplicate");
    close(m.vcpu);
    check(ioctl(copy, KVM_GET_REGS, &general) == 0, "a duplicate of one that is closed");
    check(ioctl(number, KVM_GET_REGS, &general) == -1 && errno == EBADF, "the closed one");
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (file != number) file = dup2(file, number);
    check(ioctl(number, KVM_GET_REGS, &general) == -1 && errno == ENOTTY, "its number, reused by a file");
    must(dup2(copy, number), "dup2");
    check(ioctl(number, KVM_GET_REGS, &general) == 0, "its number, given back by dup2");
    must(dup2(m.system, number), "dup2");
    check(ioctl(number, KVM_GET_API_VERSION, 0) == 12, "and given to another object");
    close(m.vm);
    close(m.system);
    m.run->immediate_exit = 1;
    check(ioctl(copy, KVM_RUN, 0) == -1 && errno == EINTR, "a vCPU whose machine is closed runs on");
    close(number);
    m.vcpu = copy;
    struct pollfd polled = {.fd = copy, .events = POLLIN};
    check(poll(&polled, 1, 0) >= 0, "poll");
    munmap(m.run, m.run_bytes);
    close(copy);
    munmap(m.memory, MEMORY);
}

static void try_cycles(void)
{
    struct machine m;
    machine_create(&m, HALT);
    machine_destroy(&m);
    int before = count_descriptors();
    for (int n = 0; n < 100; n++) {
        machine_create(&m, n % 3);
#ifdef __GLIBC__
        if (n % 2 == 0) close_range((unsigned)m.vcpu, (unsigned)m.vcpu, 0);
#endif
        machine_destroy(&m);
    }
    int after = count_descriptors();
    check(before == after, "100 machines, one after the other: %d descriptors, and %d before", after, before);
}

/* What fails for want of a number has not happened. */
static void try_limit(void)
{
    struct machine m;
    struct rlimit before, none;
    machine_create(&m, LOOP16);
    int next = must(dup(m.vm), "dup");
    close(next);
    must(getrlimit(RLIMIT_NOFILE, &before), "getrlimit");
    none = before;
    none.rlim_cur = (rlim_t)next;
    must(setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
    int vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 1);
    check(vcpu == -1 && errno == EMFILE, "a vCPU without a number for its descriptor");
    int vm = ioctl(m.system, KVM_CREATE_VM, 0);
    check(vm == -1 && errno == EMFILE, "a machine without one");
    must(setrlimit(RLIMIT_NOFILE, &before), "setrlimit");
    vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 1);
    check(vcpu >= 0, "the same vCPU when there is one");
    if (vcpu >= 0) close(vcpu);
    machine_destroy(&m);
}

static void try_pointers(void)
{
    static const struct {
        unsigned long request;
        const char *name;
        char on;
    } calls[] = {
        {KVM_GET_REGS, "KVM_GET_REGS", 'c'},     {KVM_SET_REGS, "KVM_SET_REGS", 'c'},
        {KVM_GET_SREGS, "KVM_GET_SREGS", 'c'},   {KVM_SET_SREGS, "KVM_SET_SREGS", 'c'},
        {KVM_GET_FPU, "KVM_GET_FPU", 'c'},       {KVM_SET_FPU, "KVM_SET_FPU", 'c'},
        {KVM_GET_MSRS, "KVM_GET_MSRS", 'c'},     {KVM_SET_MSRS, "KVM_SET_MSRS", 'c'},
        {KVM_SET_CPUID2, "KVM_SET_CPUID2", 'c'}, {KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", 's'},
        {KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", 'v'},
        {KVM_IRQ_LINE, "KVM_IRQ_LINE", 'v'},
    };
    struct machine m;
    machine_create(&m, HALT);
    for (size_t n = 0; n < sizeof calls / sizeof *calls; n++) {
        int on = calls[n].on == 'c' ? m.vcpu : calls[n].on == 'v' ? m.vm : m.system;
        int null = ioctl(on, calls[n].request, NULL), null_error = errno;
        int wild = ioctl(on, calls[n].request, 0xFFFF800000001000ul);
        check(null == -1 && null_error == EFAULT && wild == -1 && errno == EFAULT, "%s with pointers to nowhere", calls[n].name);
    }
    machine_destroy(&m);
}

int main(void)
{
    limit_seconds(60);
    try_node();
    try_duplicates();
    try_cycles();
    try_limit();
    try_pointers();
    return conclude();
}
