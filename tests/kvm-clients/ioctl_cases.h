/* What depends on the arguments, on what was called before, and on the state. */
static struct machine m;
static const char *now;

#define TRY(descriptor, request, argument, what) try(now, #request, what, descriptor, request, (const void *)(uintptr_t)(argument))

static int set_slot(uint32_t slot, uint32_t flags, uint64_t address, uint64_t bytes, uint64_t memory, const char *what)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot, .flags = flags, .guest_phys_addr = address, .memory_size = bytes, .userspace_addr = memory};
    return TRY(m.vm, KVM_SET_USER_MEMORY_REGION, &region, what);
}

static void try_slots(void)
{
    uint64_t memory = (uintptr_t)mmap(NULL, 0x40000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    now = "slots";
    create(&m, BARE);
    set_slot(0, 0, 0, 0, 0, "deletes what is not there");
    set_slot(0, 0, 0, 0x800, memory, "half a page");
    set_slot(0, 0, 0x800, 0x1000, memory, "in the middle of a page");
    set_slot(0, 0, 0, 0x1000, memory + 1, "memory in the middle of a page");
    set_slot(0, 1u << 31, 0, 0x1000, memory, "unknown flags");
    set_slot(0, 4, 0, 0x1000, memory, "guest_memfd without one");
    set_slot(0x7FFF, 0, 0, 0x1000, memory, "a number behind the last");
    set_slot(0x10000, 0, 0, 0x1000, memory, "an address space behind the last");
    set_slot(0, 0, UINT64_MAX - 0xFFF, 0x2000, memory, "wraps round");
    set_slot(0, 0, 0, 0x2000, UINT64_MAX - 0xFFF, "memory that wraps round");
    set_slot(0, 0, 0, 0x1000, 0xFFFF800000000000, "the kernel's memory");
    set_slot(0, 0, 0, 0x10000, memory, "the first");
    set_slot(0, 0, 0, 0x10000, memory, "the same again");
    set_slot(1, 0, 0x8000, 0x10000, memory, "overlaps");
    set_slot(1, 0, 0x10000, 0x10000, memory, "the same memory elsewhere");
    set_slot(0, 0, 0, 0x20000, memory, "another size");
    set_slot(0, 0, 0, 0x10000, memory + 0x10000, "other memory");
    set_slot(0, KVM_MEM_READONLY, 0, 0x10000, memory, "becomes read-only");
    set_slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 0x10000, memory, "becomes logged");
    set_slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0x100000, 0x10000, memory, "is moved");
    set_slot(2, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, 0x200000, 0x10000, memory, "both flags");
    uint64_t bitmap[64] = {0};
    struct kvm_dirty_log log = {.slot = 0, .dirty_bitmap = bitmap};
    TRY(m.vm, KVM_GET_DIRTY_LOG, &log, "of a logged slot");
    log.dirty_bitmap = room + ROOM;
    TRY(m.vm, KVM_GET_DIRTY_LOG, &log, "into nothing");
    log.slot = 1;
    TRY(m.vm, KVM_GET_DIRTY_LOG, &log, "of one that is not logged");
    log.slot = 77;
    TRY(m.vm, KVM_GET_DIRTY_LOG, &log, "of none");
    log.slot = 0x10000;
    TRY(m.vm, KVM_GET_DIRTY_LOG, &log, "of another address space");
    struct kvm_clear_dirty_log clear = {.slot = 0, .num_pages = 16, .dirty_bitmap = bitmap};
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "of a logged slot");
    clear.first_page = 1;
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "not from a word on");
    clear.first_page = 0;
    clear.num_pages = 3;
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "half a word");
    clear.num_pages = 64;
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "more than there are");
    clear.num_pages = 16;
    clear.dirty_bitmap = room + ROOM;
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "from nothing");
    clear.slot = 1;
    TRY(m.vm, KVM_CLEAR_DIRTY_LOG, &clear, "of one that is not logged");
    set_slot(0, 0, 0, 0, 0, "is deleted");
    set_slot(0, 0, 0, 0, 0, "is deleted twice");
    destroy(&m);
}

static void try_vcpus(void)
{
    now = "vCPUs";
    create(&m, BARE);
    TRY(m.vm, KVM_CREATE_VCPU, 0, "0 again");
    TRY(m.vm, KVM_CREATE_VCPU, 1, "1");
    TRY(m.vm, KVM_CREATE_VCPU, 1, "1 again");
    TRY(m.vm, KVM_CREATE_VCPU, 100000, "100000");
    TRY(m.vm, KVM_CREATE_VCPU, UINT64_MAX, "-1");
    TRY(m.vm, KVM_CREATE_IRQCHIP, 0, "after vCPUs");
    TRY(m.vm, KVM_SET_BOOT_CPU_ID, 0, "after vCPUs");
    TRY(m.vm, KVM_SET_TSS_ADDR, 0xFFFFF000, "too high");
    TRY(m.vm, KVM_SET_TSS_ADDR, 0xFFFFD000, "the highest");
    TRY(m.vcpu, KVM_RUN, 1, "with an argument");
    TRY(m.system, KVM_RUN, 0, "on the system");
    TRY(m.system, KVM_CREATE_VM, 12345, "of an unknown type");
    TRY(m.vm, KVM_SET_NR_MMU_PAGES, 64, "some");
    TRY(m.vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY, "that is there");
    TRY(m.vm, KVM_CHECK_EXTENSION, 0x7FFFFFFF, "that nobody has");
    TRY(-1, KVM_RUN, 0, "on no descriptor");
    close(m.vcpu);
    TRY(m.vcpu, KVM_RUN, 0, "on a closed descriptor");
    TRY(m.vm, KVM_CREATE_VCPU, 0, "0 after its descriptor was closed");
    close(m.vm);
    close(m.system);

    create(&m, IRQCHIP);
    now = "a vCPU of an irqchip";
    TRY(m.vm, KVM_CREATE_IRQCHIP, 0, "twice");
    struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
    TRY(m.vm, KVM_ENABLE_CAP, &split, "split after full");
    struct kvm_pit_config pit = {.flags = 0};
    TRY(m.vm, KVM_CREATE_PIT2, &pit, "once");
    TRY(m.vm, KVM_CREATE_PIT2, &pit, "twice");
    TRY(m.vm, KVM_CREATE_PIT, 0, "after the second version");
    struct kvm_interrupt interrupt = {.irq = 32};
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "where KVM has the controllers");
    interrupt.irq = 256;
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "no vector, where KVM has the controllers");
    for (uint32_t state = 0; state <= 10; state++) {
        char what[32];
        struct kvm_mp_state mp = {.mp_state = state};
        snprintf(what, sizeof what, "%u", state);
        TRY(m.vcpu, KVM_SET_MP_STATE, &mp, what);
    }

    destroy(&m);
    create(&m, BARE);
    now = "a vCPU without irqchip";
    for (uint32_t state = 0; state <= 10; state++) {
        char what[32];
        struct kvm_mp_state mp = {.mp_state = state};
        snprintf(what, sizeof what, "%u", state);
        TRY(m.vcpu, KVM_SET_MP_STATE, &mp, what);
    }

    interrupt.irq = 256;
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "no vector");
    interrupt.irq = 32;
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "first");
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "second");
    destroy(&m);
    create(&m, SPLIT);
    now = "a vCPU of a split irqchip";
    interrupt.irq = 32;
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "first");
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "second");
    interrupt.irq = 256;
    TRY(m.vcpu, KVM_INTERRUPT, &interrupt, "no vector");
    TRY(m.vm, KVM_ENABLE_CAP, &split, "split twice");
    TRY(m.vm, KVM_CREATE_IRQCHIP, 0, "full after split");
    struct kvm_irqchip chip = {.chip_id = 0};
    TRY(m.vm, KVM_GET_IRQCHIP, &chip, "of one that is the client's");
    destroy(&m);
}

static void try_state(void)
{
    now = "state";
    create(&m, IRQCHIP);
    struct kvm_sregs good, sregs;
    must(ioctl(m.vcpu, KVM_GET_SREGS, &good), "KVM_GET_SREGS");
    static const struct { const char *what; uint64_t cr0, cr4, efer; } registers[] = {
        {"pages without protection", 1u << 31, 0, 0}, {"not write-through but cached", 1u << 29, 0, 0}, {"a bit of CR0 that there is not", 1ull << 40, 0, 0},
        {"long mode without PAE", 0x80000001, 0, 0x500}, {"long mode active without enabled", 0x80000001, 0x20, 0x400},
        {"active without pages", 1, 0x20, 0x500}, {"a bit of CR4 that there is not", 1, 1u << 31, 0}, {"long mode", 0x80000001, 0x20, 0x500},
        {"a bit of EFER that there is not", 1, 0, 1u << 30},
    };
    for (size_t n = 0; n < sizeof registers / sizeof registers[0]; n++) {
        sregs = good;
        sregs.cr0 = registers[n].cr0;
        sregs.cr4 = registers[n].cr4;
        sregs.efer = registers[n].efer;
        TRY(m.vcpu, KVM_SET_SREGS, &sregs, registers[n].what);
    }

    sregs = good;
    sregs.apic_base = 0xFEE00400;
    TRY(m.vcpu, KVM_SET_SREGS, &sregs, "x2APIC without being enabled");
    struct kvm_debugregs debug = {.dr6 = 1ull << 32};
    TRY(m.vcpu, KVM_SET_DEBUGREGS, &debug, "a bit of DR6 that there is not");
    debug = (struct kvm_debugregs){.dr7 = 1ull << 32};
    TRY(m.vcpu, KVM_SET_DEBUGREGS, &debug, "a bit of DR7 that there is not");
    debug = (struct kvm_debugregs){.flags = 1};
    TRY(m.vcpu, KVM_SET_DEBUGREGS, &debug, "flags");
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.xcr = 0, .value = 0}}};
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "without x87");
    xcrs.xcrs[0].value = 1;
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "x87 alone");
    xcrs.xcrs[0].value = 5;
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "AVX without SSE");
    xcrs.xcrs[0].value = 1ull << 62;
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "what there is not");
    xcrs = (struct kvm_xcrs){.nr_xcrs = 17};
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "too many");
    xcrs = (struct kvm_xcrs){.nr_xcrs = 1, .flags = 1, .xcrs = {{.xcr = 0, .value = 1}}};
    TRY(m.vcpu, KVM_SET_XCRS, &xcrs, "flags");

    struct kvm_vcpu_events events;
    must(ioctl(m.vcpu, KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &events, "what was read");
    struct kvm_vcpu_events changed = events;
    changed.flags = 1u << 31;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "unknown flags");
    changed = events;
    changed.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "a payload that was not asked for");
    changed.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "a triple fault that was not asked for");
    changed = events;
    changed.exception.injected = 1;
    changed.exception.nr = 2;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "an exception that is an NMI");
    changed.exception.nr = 32;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "an exception that is none");
    changed.exception.nr = 6;
    changed.exception.injected = 0;
    changed.exception.pending = 1;
    TRY(m.vcpu, KVM_SET_VCPU_EVENTS, &changed, "an exception that waits");
    must(ioctl(m.vcpu, KVM_GET_VCPU_EVENTS, &changed), "KVM_GET_VCPU_EVENTS");
    printf("state: an exception that waits without payloads: injected %d, pending %d\n", changed.exception.injected, changed.exception.pending);

    struct kvm_guest_debug guest = {.control = 1u << 30};
    TRY(m.vcpu, KVM_SET_GUEST_DEBUG, &guest, "unknown flags");
    guest.control = KVM_GUESTDBG_SINGLESTEP;
    TRY(m.vcpu, KVM_SET_GUEST_DEBUG, &guest, "steps without being enabled");
    guest.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB;
    TRY(m.vcpu, KVM_SET_GUEST_DEBUG, &guest, "injects");
    TRY(m.vcpu, KVM_SET_GUEST_DEBUG, &guest, "injects a second");

    struct { struct kvm_msrs head; struct kvm_msr_entry entries[300]; } msrs = {.head = {.nmsrs = 2}, .entries = {{.index = 0x10}, {.index = 0x12345678}}};
    TRY(m.vcpu, KVM_GET_MSRS, &msrs, "one that there is and one that there is not");
    msrs.entries[0].index = 0x12345678;
    TRY(m.vcpu, KVM_GET_MSRS, &msrs, "one that there is not");
    TRY(m.vcpu, KVM_SET_MSRS, &msrs, "one that there is not");
    msrs.head.nmsrs = 1;
    msrs.entries[0] = (struct kvm_msr_entry){.index = 0xC0000100, .data = 0x8000000000000000};
    TRY(m.vcpu, KVM_SET_MSRS, &msrs, "an FS base that is no address");
    msrs.entries[0] = (struct kvm_msr_entry){.index = 0x277, .data = 0xFF};
    TRY(m.vcpu, KVM_SET_MSRS, &msrs, "a memory type that there is not");
    msrs.head.nmsrs = 256;
    TRY(m.vcpu, KVM_GET_MSRS, &msrs, "256");
    msrs.head.nmsrs = UINT32_MAX;
    TRY(m.vcpu, KVM_GET_MSRS, &msrs, "all that there can be");

    struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[257]; } cpuid = {.head = {.nent = 257}};
    TRY(m.vcpu, KVM_SET_CPUID2, &cpuid, "257 entries");
    cpuid.head.nent = 1;
    TRY(m.system, KVM_GET_SUPPORTED_CPUID, &cpuid, "room for 1");
    cpuid.head.nent = 200;
    TRY(m.system, KVM_GET_SUPPORTED_CPUID, &cpuid, "room for 200");
    TRY(m.vcpu, KVM_SET_CPUID2, &cpuid, "what is supported");
    cpuid.head.nent = 1;
    TRY(m.vcpu, KVM_GET_CPUID2, &cpuid, "room for 1");
    printf("state: the number is told: %d\n", cpuid.head.nent > 1);

    struct { struct kvm_signal_mask head; uint64_t set[2]; } mask = {.head = {.len = 4}};
    TRY(m.vcpu, KVM_SET_SIGNAL_MASK, &mask, "half a set");
    mask.head.len = 16;
    TRY(m.vcpu, KVM_SET_SIGNAL_MASK, &mask, "two sets");
    mask.head.len = 8;
    TRY(m.vcpu, KVM_SET_SIGNAL_MASK, &mask, "a set");
    TRY(m.vcpu, KVM_SET_SIGNAL_MASK, 0, "none");

    uint64_t capability = 100;
    TRY(m.vcpu, KVM_X86_SETUP_MCE, &capability, "100 banks");
    capability = 1ull << 60 | 10;
    TRY(m.vcpu, KVM_X86_SETUP_MCE, &capability, "what there is not");
    capability = 10 | 1 << 8;
    TRY(m.vcpu, KVM_X86_SETUP_MCE, &capability, "10 banks");
    struct kvm_x86_mce mce = {.status = 1ull << 63, .bank = 10};
    TRY(m.vcpu, KVM_X86_SET_MCE, &mce, "in a bank that there is not");
    mce = (struct kvm_x86_mce){.status = 1, .bank = 0};
    TRY(m.vcpu, KVM_X86_SET_MCE, &mce, "no error");
    mce = (struct kvm_x86_mce){.status = 1ull << 63, .bank = 0};
    TRY(m.vcpu, KVM_X86_SET_MCE, &mce, "a corrected one");
    mce = (struct kvm_x86_mce){.status = 7ull << 61, .bank = 1};
    TRY(m.vcpu, KVM_X86_SET_MCE, &mce, "an uncorrected one in a bank that is off");
    TRY(m.vcpu, KVM_SET_TSC_KHZ, 1, "1 kHz");
    TRY(m.vcpu, KVM_SET_TSC_KHZ, ioctl(m.vcpu, KVM_GET_TSC_KHZ, 0), "the present rate");
    TRY(m.vcpu, KVM_KVMCLOCK_CTRL, 0, "of a guest without it");
    destroy(&m);
}

static void try_events(void)
{
    now = "events";
    create(&m, IRQCHIP);
    struct kvm_irq_level line = {.irq = 4, .level = 1};
    TRY(m.vm, KVM_IRQ_LINE, &line, "4");
    line.irq = 5000;
    TRY(m.vm, KVM_IRQ_LINE, &line, "5000");
    struct kvm_irqfd irqfd = {.fd = UINT32_MAX, .gsi = 4};
    TRY(m.vm, KVM_IRQFD, &irqfd, "no descriptor");
    irqfd.fd = (uint32_t)m.vm;
    TRY(m.vm, KVM_IRQFD, &irqfd, "a descriptor of another kind");
    irqfd.flags = 1u << 20;
    TRY(m.vm, KVM_IRQFD, &irqfd, "unknown flags");
    struct kvm_ioeventfd io = {.fd = -1, .addr = 0x1000, .len = 4};
    TRY(m.vm, KVM_IOEVENTFD, &io, "no descriptor");
    io.len = 3;
    TRY(m.vm, KVM_IOEVENTFD, &io, "3 bytes");
    io = (struct kvm_ioeventfd){.fd = m.vm, .addr = UINT64_MAX - 1, .len = 4};
    TRY(m.vm, KVM_IOEVENTFD, &io, "wraps round");
    io = (struct kvm_ioeventfd){.fd = m.vm, .flags = 1u << 20, .len = 4};
    TRY(m.vm, KVM_IOEVENTFD, &io, "unknown flags");
    io = (struct kvm_ioeventfd){.fd = m.vm, .flags = KVM_IOEVENTFD_FLAG_DATAMATCH, .len = 0};
    TRY(m.vm, KVM_IOEVENTFD, &io, "any length and data");
    struct kvm_msi msi = {.address_lo = 0xFEE00000, .data = 0x41};
    TRY(m.vm, KVM_SIGNAL_MSI, &msi, "to an APIC that is off");
    msi.flags = 1u << 20;
    TRY(m.vm, KVM_SIGNAL_MSI, &msi, "unknown flags");
    struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry entries[2]; } routes = {.head = {.nr = 1, .flags = 1}};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "flags");
    routes.head = (struct kvm_irq_routing){.nr = 5000};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "too many");
    routes.head = (struct kvm_irq_routing){.nr = 1};
    routes.entries[0] = (struct kvm_irq_routing_entry){.gsi = 5000, .type = KVM_IRQ_ROUTING_MSI};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "a line behind the last");
    routes.entries[0] = (struct kvm_irq_routing_entry){.gsi = 4, .type = 77};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "an unknown kind");
    routes.entries[0] = (struct kvm_irq_routing_entry){.gsi = 4, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = {.irqchip = 9}};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "a chip that there is not");
    routes.entries[0] = (struct kvm_irq_routing_entry){.gsi = 4, .type = KVM_IRQ_ROUTING_MSI};
    TRY(m.vm, KVM_SET_GSI_ROUTING, &routes, "a message");
    struct kvm_coalesced_mmio_zone zone = {.addr = 0x1000, .size = 16, .pio = 2};
    TRY(m.vm, KVM_REGISTER_COALESCED_MMIO, &zone, "of no kind");
    zone.pio = 0;
    TRY(m.vm, KVM_REGISTER_COALESCED_MMIO, &zone, "of memory");
    TRY(m.vm, KVM_UNREGISTER_COALESCED_MMIO, &zone, "of memory");
    TRY(m.vm, KVM_UNREGISTER_COALESCED_MMIO, &zone, "twice");
    struct kvm_irqchip chip = {.chip_id = 3};
    TRY(m.vm, KVM_GET_IRQCHIP, &chip, "that there is not");
    TRY(m.vm, KVM_SET_IRQCHIP, &chip, "that there is not");
    struct kvm_pit_state2 pit = {0};
    TRY(m.vm, KVM_GET_PIT2, &pit, "without one");
    struct kvm_clock_data clock = {.flags = 1u << 31};
    TRY(m.vm, KVM_SET_CLOCK, &clock, "unknown flags");
    struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {1u << 30}};
    TRY(m.vm, KVM_ENABLE_CAP, &cap, "an unknown reason");
    cap = (struct kvm_enable_cap){.cap = KVM_CAP_USER_MEMORY};
    TRY(m.vm, KVM_ENABLE_CAP, &cap, "what needs none");
    cap = (struct kvm_enable_cap){.cap = KVM_CAP_DISABLE_QUIRKS, .flags = 1};
    TRY(m.vm, KVM_ENABLE_CAP, &cap, "flags");
    struct kvm_msr_filter filter = {.flags = 1u << 20};
    TRY(m.vm, KVM_X86_SET_MSR_FILTER, &filter, "unknown flags");
    filter = (struct kvm_msr_filter){.ranges = {{.flags = 3, .nmsrs = 1u << 20, .base = 0, .bitmap = room}}};
    TRY(m.vm, KVM_X86_SET_MSR_FILTER, &filter, "more than fit");
    filter = (struct kvm_msr_filter){.ranges = {{.flags = 3, .nmsrs = 8, .base = 0, .bitmap = room + ROOM}}};
    TRY(m.vm, KVM_X86_SET_MSR_FILTER, &filter, "bits from nothing");
    filter = (struct kvm_msr_filter){.flags = KVM_MSR_FILTER_DEFAULT_DENY};
    TRY(m.vm, KVM_X86_SET_MSR_FILTER, &filter, "denies all and has no range");
    struct kvm_device_attr attribute = {.group = 0, .attr = 0, .addr = (uintptr_t)room};
    TRY(m.system, KVM_HAS_DEVICE_ATTR, &attribute, "components of XSAVE");
    TRY(m.system, KVM_GET_DEVICE_ATTR, &attribute, "components of XSAVE");
    attribute.attr = 9;
    TRY(m.system, KVM_HAS_DEVICE_ATTR, &attribute, "what there is not");
    TRY(m.system, KVM_GET_DEVICE_ATTR, &attribute, "what there is not");
    attribute.group = 9;
    TRY(m.system, KVM_GET_DEVICE_ATTR, &attribute, "a group that there is not");
    destroy(&m);
}

static void try_run(const char *what)
{
    struct kvm_run *run = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, m.vcpu, 0);
    int result = TRY(m.vcpu, KVM_RUN, 0, what);
    if (result == 0) printf("%s: %s: it left because of %u\n", now, what, run->exit_reason);
    munmap(run, 0x1000);
}

/* The guest reads a byte of a page, writes one, and halts. */
static void try_memory(int before, int after, const char *name)
{
    static const uint8_t code[] = {0xA0, 0x00, 0x30, 0xA2, 0x01, 0x30, 0xF4};
    uint8_t *memory = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    now = name;
    create(&m, BARE);
    memcpy(memory + 0x1000, code, sizeof code);
    must(mprotect(memory + 0x3000, 0x1000, before), "mprotect");
    set_slot(0, 0, 0, 0x10000, (uintptr_t)memory, "is set");
    struct kvm_sregs special;
    must(ioctl(m.vcpu, KVM_GET_SREGS, &special), "KVM_GET_SREGS");
    special.cs.base = special.cs.selector = 0;
    must(ioctl(m.vcpu, KVM_SET_SREGS, &special), "KVM_SET_SREGS");
    struct kvm_regs general = {.rip = 0x1000, .rflags = 2};
    must(ioctl(m.vcpu, KVM_SET_REGS, &general), "KVM_SET_REGS");
    try_run("first");
    must(mprotect(memory + 0x3000, 0x1000, after), "mprotect");
    try_run("second");
    destroy(&m);
    munmap(memory, 0x10000);
}

static void try_cases(void)
{
    try_memory(PROT_NONE, PROT_READ | PROT_WRITE, "memory that may not be read until later");
    try_memory(PROT_READ, PROT_READ | PROT_WRITE, "memory that may not be written until later");
    try_memory(PROT_NONE, PROT_READ, "memory that may never be written");
    try_slots();
    try_vcpus();
    try_state();
    try_events();
}
