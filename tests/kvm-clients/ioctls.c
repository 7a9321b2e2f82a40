/*
 * Every ioctl of /dev/kvm that an x86 client knows, on each kind of descriptor, with arguments that are none: a line for each, with what came of it. What is printed is
 * the same wherever a KVM answers as the kernel's; who runs it compares.
 */
#include "client.h"

struct request {
    const char *name;
    unsigned long number;
};

#define R(name) {#name, name}
static const struct request requests[] = {
    R(KVM_GET_API_VERSION), R(KVM_CREATE_VM), R(KVM_GET_MSR_INDEX_LIST), R(KVM_GET_MSR_FEATURE_INDEX_LIST), R(KVM_CHECK_EXTENSION), R(KVM_GET_VCPU_MMAP_SIZE),
    R(KVM_GET_SUPPORTED_CPUID), R(KVM_GET_EMULATED_CPUID), R(KVM_X86_GET_MCE_CAP_SUPPORTED), R(KVM_GET_STATS_FD),
    R(KVM_CREATE_VCPU), R(KVM_SET_USER_MEMORY_REGION), R(KVM_GET_DIRTY_LOG), R(KVM_CLEAR_DIRTY_LOG), R(KVM_SET_NR_MMU_PAGES), R(KVM_GET_NR_MMU_PAGES),
    R(KVM_SET_TSS_ADDR), R(KVM_SET_IDENTITY_MAP_ADDR), R(KVM_SET_BOOT_CPU_ID), R(KVM_CREATE_IRQCHIP), R(KVM_IRQ_LINE), R(KVM_IRQ_LINE_STATUS), R(KVM_GET_IRQCHIP),
    R(KVM_SET_IRQCHIP), R(KVM_CREATE_PIT), R(KVM_CREATE_PIT2), R(KVM_GET_PIT), R(KVM_SET_PIT), R(KVM_GET_PIT2), R(KVM_SET_PIT2), R(KVM_REINJECT_CONTROL),
    R(KVM_SET_GSI_ROUTING), R(KVM_IRQFD), R(KVM_IOEVENTFD), R(KVM_SIGNAL_MSI), R(KVM_REGISTER_COALESCED_MMIO), R(KVM_UNREGISTER_COALESCED_MMIO),
    R(KVM_SET_CLOCK), R(KVM_GET_CLOCK), R(KVM_ENABLE_CAP), R(KVM_X86_SET_MSR_FILTER), R(KVM_CREATE_DEVICE), R(KVM_HAS_DEVICE_ATTR), R(KVM_GET_DEVICE_ATTR),
    R(KVM_SET_DEVICE_ATTR),
    R(KVM_RUN), R(KVM_GET_REGS), R(KVM_SET_REGS), R(KVM_GET_SREGS), R(KVM_SET_SREGS), R(KVM_GET_SREGS2), R(KVM_SET_SREGS2), R(KVM_TRANSLATE), R(KVM_INTERRUPT),
    R(KVM_GET_MSRS), R(KVM_SET_MSRS), R(KVM_SET_CPUID), R(KVM_SET_CPUID2), R(KVM_GET_CPUID2), R(KVM_SET_SIGNAL_MASK), R(KVM_GET_FPU), R(KVM_SET_FPU),
    R(KVM_GET_LAPIC), R(KVM_SET_LAPIC), R(KVM_TPR_ACCESS_REPORTING), R(KVM_SET_VAPIC_ADDR), R(KVM_X86_SETUP_MCE), R(KVM_X86_SET_MCE), R(KVM_GET_MP_STATE),
    R(KVM_SET_MP_STATE), R(KVM_GET_VCPU_EVENTS), R(KVM_SET_VCPU_EVENTS), R(KVM_GET_DEBUGREGS), R(KVM_SET_DEBUGREGS), R(KVM_GET_XSAVE), R(KVM_GET_XSAVE2),
    R(KVM_SET_XSAVE), R(KVM_GET_XCRS), R(KVM_SET_XCRS), R(KVM_SET_GUEST_DEBUG), R(KVM_NMI), R(KVM_SMI), R(KVM_SET_TSC_KHZ), R(KVM_GET_TSC_KHZ),
    R(KVM_KVMCLOCK_CTRL), R(KVM_GET_NESTED_STATE), R(KVM_SET_NESTED_STATE),
    {"no ioctl of KVM's", _IO(KVMIO, 0xFE)}, {"another device's", _IO('T', 1)},
};

/* More than any of the structures; behind it nobody may read. */
enum { ROOM = 0x10000 };
static uint8_t *room;

static const char *error_name(int error)
{
    switch (error) {
    case EFAULT: return "EFAULT";
    case EINVAL: return "EINVAL";
    case ENOTTY: return "ENOTTY";
    case ENXIO: return "ENXIO";
    case EEXIST: return "EEXIST";
    case E2BIG: return "E2BIG";
    case ENOENT: return "ENOENT";
    case EBUSY: return "EBUSY";
    case EBADF: return "EBADF";
    case ENODEV: return "ENODEV";
    case EPERM: return "EPERM";
    case EINTR: return "EINTR";
    case EIO: return "EIO";
    case ENOSPC: return "ENOSPC";
    case ENOMEM: return "ENOMEM";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    default: return "another error";
    }
}

static bool gives_descriptor(unsigned long number)
{
    return number == KVM_CREATE_VM || number == KVM_CREATE_VCPU || number == KVM_GET_STATS_FD || number == KVM_CREATE_DEVICE;
}

/* Numbers that are the host's: capabilities, rates, sizes. */
static bool gives_own_number(unsigned long number)
{
    return number == KVM_CHECK_EXTENSION || number == KVM_GET_TSC_KHZ || number == KVM_GET_VCPU_MMAP_SIZE || number == KVM_GET_NR_MMU_PAGES;
}

/* Writes what came of a call, and closes what it gave. */
static void write_answer(char *text, size_t room, unsigned long number, int result)
{
    if (result < 0) snprintf(text, room, "%s", error_name(errno));
    else if (gives_descriptor(number)) snprintf(text, room, "descriptor");
    else if (gives_own_number(number)) snprintf(text, room, "%s", result > 0 ? "number" : "0");
    else snprintf(text, room, "%d", result);
    if (result >= 0 && gives_descriptor(number)) close(result);
}

static int try(const char *state, const char *name, const char *what, int descriptor, unsigned long number, const void *argument)
{
    char answer[32];
    int result = ioctl(descriptor, number, argument);
    write_answer(answer, sizeof answer, number, result);
    printf("%s: %s %s: %s\n", state, name, what, answer);
    return result;
}

enum state { BARE, IRQCHIP, SPLIT };
static const char *const states[] = {"bare", "irqchip", "split"};

static void create(struct machine *m, enum state state)
{
    memset(m, 0, sizeof *m);
    m->system = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
    m->vm = must(ioctl(m->system, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    must(ioctl(m->vm, KVM_SET_TSS_ADDR, 0xFFFBD000ul), "KVM_SET_TSS_ADDR");
    if (state == IRQCHIP) must(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    if (state == SPLIT) {
        struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
        must(ioctl(m->vm, KVM_ENABLE_CAP, &split), "KVM_CAP_SPLIT_IRQCHIP");
    }

    m->vcpu = must(ioctl(m->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
}

static void destroy(struct machine *m)
{
    close(m->vcpu);
    close(m->vm);
    close(m->system);
}

enum { REQUESTS = sizeof requests / sizeof requests[0], KINDS = 3, LINE = 128 };

/*
 * Whatever the argument, wherever it is called: the answers to 0, to a pointer into nothing, to zeros, and to a pointer to the last two bytes that are mapped. A
 * machine with interrupt controllers is told of where it answers otherwise than one without.
 */
static void try_each(enum state state)
{
    static const char *const kinds[] = {"system", "machine", "vCPU"};
    static char bare[REQUESTS][KINDS][LINE];
    struct machine m;
    create(&m, state);
    for (size_t n = 0; n < REQUESTS; n++) {
        const struct request *r = &requests[n];
        for (int kind = 0; kind < KINDS; kind++) {
            char line[LINE] = "";
            for (int argument = 0; argument < 4; argument++) {
                const uint8_t *pointer = argument == 0 ? NULL : argument == 1 ? room + ROOM : argument == 2 ? room : room + ROOM - 2;
                int descriptor = kind == 0 ? m.system : kind == 1 ? m.vm : m.vcpu;
                size_t length = strlen(line);
                memset(room, 0, ROOM);
                strcpy(line + length, " ");

                /* What enters the guest, or makes more vCPUs, is tried below. */
                if ((r->number == KVM_RUN || r->number == KVM_CREATE_VCPU) && kind > 0 && argument == 0) {
                    strcpy(line + length, " -");
                    continue;
                }

                int result = ioctl(descriptor, r->number, pointer);
                write_answer(line + length + 1, sizeof line - length - 1, r->number, result);
                if (result < 0 || argument != 2) continue;
                destroy(&m);
                create(&m, state);
            }

            if (state == BARE) strcpy(bare[n][kind], line);
            else if (strcmp(bare[n][kind], line) == 0) continue;
            printf("%s %s: %s:%s\n", states[state], kinds[kind], r->name, line);
        }
    }

    destroy(&m);
}

#include "ioctl_cases.h"

int main(void)
{
    limit_seconds(100);
    room = mmap(NULL, ROOM + 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) must(-1, "mmap");
    must(mprotect(room + ROOM, 0x1000, PROT_NONE), "mprotect");
    for (enum state state = BARE; state <= SPLIT; state++) try_each(state);
    try_cases();
    return 0;
}
