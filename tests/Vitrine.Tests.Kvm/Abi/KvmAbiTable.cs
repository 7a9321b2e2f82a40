namespace Vitrine.Tests.Kvm.Abi;

/// <summary>
/// Numbers and layouts as a C program compiled against &lt;linux/kvm.h&gt; prints them: the outside truth for <see cref="KvmAbiTests"/>.
/// </summary>
internal static class KvmAbiTable
{
    /// <summary>name number.</summary>
    public const string Ioctls = """
        KVM_GET_API_VERSION 0x0000AE00
        KVM_CREATE_VM 0x0000AE01
        KVM_GET_MSR_INDEX_LIST 0xC004AE02
        KVM_CHECK_EXTENSION 0x0000AE03
        KVM_GET_VCPU_MMAP_SIZE 0x0000AE04
        KVM_GET_SUPPORTED_CPUID 0xC008AE05
        KVM_GET_EMULATED_CPUID 0xC008AE09
        KVM_GET_MSR_FEATURE_INDEX_LIST 0xC004AE0A
        KVM_X86_GET_MCE_CAP_SUPPORTED 0x8008AE9D
        KVM_CREATE_VCPU 0x0000AE41
        KVM_GET_DIRTY_LOG 0x4010AE42
        KVM_CLEAR_DIRTY_LOG 0xC018AEC0
        KVM_RESET_DIRTY_RINGS 0x0000AEC7
        KVM_SET_NR_MMU_PAGES 0x0000AE44
        KVM_GET_NR_MMU_PAGES 0x0000AE45
        KVM_SET_USER_MEMORY_REGION 0x4020AE46
        KVM_SET_TSS_ADDR 0x0000AE47
        KVM_SET_IDENTITY_MAP_ADDR 0x4008AE48
        KVM_CREATE_IRQCHIP 0x0000AE60
        KVM_IRQ_LINE 0x4008AE61
        KVM_IRQ_LINE_STATUS 0xC008AE67
        KVM_GET_IRQCHIP 0xC208AE62
        KVM_SET_IRQCHIP 0x8208AE63
        KVM_CREATE_PIT 0x0000AE64
        KVM_CREATE_PIT2 0x4040AE77
        KVM_GET_PIT 0xC048AE65
        KVM_SET_PIT 0x8048AE66
        KVM_GET_PIT2 0x8070AE9F
        KVM_SET_PIT2 0x4070AEA0
        KVM_REINJECT_CONTROL 0x0000AE71
        KVM_SET_BOOT_CPU_ID 0x0000AE78
        KVM_REGISTER_COALESCED_MMIO 0x4010AE67
        KVM_UNREGISTER_COALESCED_MMIO 0x4010AE68
        KVM_SET_GSI_ROUTING 0x4008AE6A
        KVM_IRQFD 0x4020AE76
        KVM_IOEVENTFD 0x4040AE79
        KVM_SIGNAL_MSI 0x4020AEA5
        KVM_SET_CLOCK 0x4030AE7B
        KVM_GET_CLOCK 0x8030AE7C
        KVM_SET_TSC_KHZ 0x0000AEA2
        KVM_GET_TSC_KHZ 0x0000AEA3
        KVM_CREATE_DEVICE 0xC00CAEE0
        KVM_SET_DEVICE_ATTR 0x4018AEE1
        KVM_GET_DEVICE_ATTR 0x4018AEE2
        KVM_HAS_DEVICE_ATTR 0x4018AEE3
        KVM_X86_SET_MSR_FILTER 0x4188AEC6
        KVM_SET_PMU_EVENT_FILTER 0x4020AEB2
        KVM_ENABLE_CAP 0x4068AEA3
        KVM_GET_STATS_FD 0x0000AECE
        KVM_RUN 0x0000AE80
        KVM_GET_REGS 0x8090AE81
        KVM_SET_REGS 0x4090AE82
        KVM_GET_SREGS 0x8138AE83
        KVM_SET_SREGS 0x4138AE84
        KVM_GET_SREGS2 0x8140AECC
        KVM_SET_SREGS2 0x4140AECD
        KVM_TRANSLATE 0xC018AE85
        KVM_INTERRUPT 0x4004AE86
        KVM_GET_MSRS 0xC008AE88
        KVM_SET_MSRS 0x4008AE89
        KVM_SET_CPUID 0x4008AE8A
        KVM_SET_CPUID2 0x4008AE90
        KVM_GET_CPUID2 0xC008AE91
        KVM_SET_SIGNAL_MASK 0x4004AE8B
        KVM_GET_FPU 0x81A0AE8C
        KVM_SET_FPU 0x41A0AE8D
        KVM_GET_LAPIC 0x8400AE8E
        KVM_SET_LAPIC 0x4400AE8F
        KVM_TPR_ACCESS_REPORTING 0xC028AE92
        KVM_SET_VAPIC_ADDR 0x4008AE93
        KVM_GET_MP_STATE 0x8004AE98
        KVM_SET_MP_STATE 0x4004AE99
        KVM_NMI 0x0000AE9A
        KVM_SMI 0x0000AEB7
        KVM_SET_GUEST_DEBUG 0x4048AE9B
        KVM_X86_SETUP_MCE 0x4008AE9C
        KVM_X86_SET_MCE 0x4040AE9E
        KVM_GET_VCPU_EVENTS 0x8040AE9F
        KVM_SET_VCPU_EVENTS 0x4040AEA0
        KVM_GET_DEBUGREGS 0x8080AEA1
        KVM_SET_DEBUGREGS 0x4080AEA2
        KVM_GET_XSAVE 0x9000AEA4
        KVM_SET_XSAVE 0x5000AEA5
        KVM_GET_XSAVE2 0x9000AECF
        KVM_GET_XCRS 0x8188AEA6
        KVM_SET_XCRS 0x4188AEA7
        KVM_KVMCLOCK_CTRL 0x0000AEAD
        KVM_GET_NESTED_STATE 0xC080AEBE
        KVM_SET_NESTED_STATE 0x4080AEBF
        KVM_GET_ONE_REG 0x4010AEAB
        KVM_SET_ONE_REG 0x4010AEAC
        KVM_MEMORY_ENCRYPT_OP 0xC008AEBA
        KVM_XEN_HVM_CONFIG 0x4038AE7A
        KVM_GET_SUPPORTED_HV_CPUID 0xC008AEC1
        KVM_SET_USER_MEMORY_REGION2 0x40A0AE49
        KVM_SET_MEMORY_ATTRIBUTES 0x4020AED2
        KVM_CREATE_GUEST_MEMFD 0xC040AED4
        KVM_PRE_FAULT_MEMORY 0xC040AED5
        """;

    /// <summary>struct size, then field@offset:size.</summary>
    public const string Structs = """
        kvm_regs 144 rax@0:8 rbx@8:8 rcx@16:8 rdx@24:8 rsi@32:8 rdi@40:8 rsp@48:8 rbp@56:8 r8@64:8 r9@72:8 r15@120:8 rip@128:8 rflags@136:8
        kvm_segment 24 base@0:8 limit@8:4 selector@12:2 type@14:1 present@15:1 dpl@16:1 db@17:1 s@18:1 l@19:1 g@20:1 avl@21:1 unusable@22:1 padding@23:1
        kvm_dtable 16 base@0:8 limit@8:2 padding@10:6
        kvm_sregs 312 cs@0:24 ds@24:24 es@48:24 fs@72:24 gs@96:24 ss@120:24 tr@144:24 ldt@168:24 gdt@192:16 idt@208:16 cr0@224:8 cr2@232:8 cr3@240:8 cr4@248:8
            cr8@256:8 efer@264:8 apic_base@272:8 interrupt_bitmap@280:32
        kvm_sregs2 320 cs@0:24 ldt@168:24 gdt@192:16 idt@208:16 cr0@224:8 cr2@232:8 cr3@240:8 cr4@248:8 cr8@256:8 efer@264:8 apic_base@272:8 flags@280:8 pdptrs@288:32
        kvm_run 2352 request_interrupt_window@0:1 immediate_exit@1:1 padding1@2:6 exit_reason@8:4 ready_for_interrupt_injection@12:1 if_flag@13:1 flags@14:2 cr8@16:8
            apic_base@24:8 hw.hardware_exit_reason@32:8 fail_entry.hardware_entry_failure_reason@32:8 fail_entry.cpu@40:4 ex.exception@32:4 ex.error_code@36:4
            io.direction@32:1 io.size@33:1 io.port@34:2 io.count@36:4 io.data_offset@40:8 debug.arch@32:32 debug.arch.exception@32:4 debug.arch.pad@36:4 debug.arch.pc@40:8
            debug.arch.dr6@48:8 debug.arch.dr7@56:8 mmio.phys_addr@32:8 mmio.data@40:8 mmio.len@48:4 mmio.is_write@52:1 hypercall.nr@32:8 hypercall.args@40:48
            hypercall.ret@88:8 tpr_access.rip@32:8 tpr_access.is_write@40:4 internal.suberror@32:4 internal.ndata@36:4 internal.data@40:128 emulation_failure.suberror@32:4
            emulation_failure.ndata@36:4 emulation_failure.flags@40:8 emulation_failure.insn_size@48:1 emulation_failure.insn_bytes@49:15 system_event.type@32:4
            system_event.ndata@36:4 system_event.data@40:128 eoi.vector@32:1 msr.error@32:1 msr.reason@40:4 msr.index@44:4 msr.data@48:8 notify.flags@32:4
            kvm_valid_regs@288:8 kvm_dirty_regs@296:8 s@304:2048
        kvm_sync_regs 520 regs@0:144 sregs@144:312 events@456:64
        kvm_userspace_memory_region 32 slot@0:4 flags@4:4 guest_phys_addr@8:8 memory_size@16:8 userspace_addr@24:8
        kvm_cpuid2 8 nent@0:4 padding@4:4 entries@8:0
        kvm_cpuid_entry2 40 function@0:4 index@4:4 flags@8:4 eax@12:4 ebx@16:4 ecx@20:4 edx@24:4 padding@28:12
        kvm_msrs 8 nmsrs@0:4 pad@4:4 entries@8:0
        kvm_msr_entry 16 index@0:4 reserved@4:4 data@8:8
        kvm_msr_list 4 nmsrs@0:4 indices@4:0
        kvm_fpu 416 fpr@0:128 fcw@128:2 fsw@130:2 ftwx@132:1 pad1@133:1 last_opcode@134:2 last_ip@136:8 last_dp@144:8 xmm@152:256 mxcsr@408:4 pad2@412:4
        kvm_xsave 4096 region@0:4096
        kvm_xcrs 392 nr_xcrs@0:4 flags@4:4 xcrs@8:256 padding@264:128
        kvm_xcr 16 xcr@0:4 reserved@4:4 value@8:8
        kvm_debugregs 128 db@0:32 dr6@32:8 dr7@40:8 flags@48:8 reserved@56:72
        kvm_vcpu_events 64 exception.injected@0:1 exception.nr@1:1 exception.has_error_code@2:1 exception.pending@3:1 exception.error_code@4:4 interrupt.injected@8:1
            interrupt.nr@9:1 interrupt.soft@10:1 interrupt.shadow@11:1 nmi.injected@12:1 nmi.pending@13:1 nmi.masked@14:1 sipi_vector@16:4 flags@20:4 smi.smm@24:1
            smi.pending@25:1 smi.smm_inside_nmi@26:1 smi.latched_init@27:1 triple_fault.pending@28:1 reserved@29:26 exception_has_payload@55:1 exception_payload@56:8
        kvm_mp_state 4 mp_state@0:4
        kvm_lapic_state 1024 regs@0:1024
        kvm_irqchip 520 chip_id@0:4 pad@4:4 chip@8:512
        kvm_pic_state 16 last_irr@0:1 irr@1:1 imr@2:1 isr@3:1 priority_add@4:1 irq_base@5:1 read_reg_select@6:1 poll@7:1 special_mask@8:1 init_state@9:1 auto_eoi@10:1
            rotate_on_auto_eoi@11:1 special_fully_nested_mode@12:1 init4@13:1 elcr@14:1 elcr_mask@15:1
        kvm_ioapic_state 216 base_address@0:8 ioregsel@8:4 id@12:4 irr@16:4 pad@20:4 redirtbl@24:192
        kvm_reinject_control 32 pit_reinject@0:1 reserved@1:31
        kvm_pit_config 64 flags@0:4
        kvm_pit_state2 112 channels@0:72 flags@72:4 reserved@76:36
        kvm_pit_channel_state 24 count@0:4 latched_count@4:2 count_latched@6:1 status_latched@7:1 status@8:1 read_state@9:1 write_state@10:1 write_latch@11:1
            rw_mode@12:1 mode@13:1 bcd@14:1 gate@15:1 count_load_time@16:8
        kvm_irq_routing 8 nr@0:4 flags@4:4 entries@8:0
        kvm_irq_routing_entry 48 gsi@0:4 type@4:4 flags@8:4 u.irqchip.irqchip@16:4 u.irqchip.pin@20:4 u.msi.address_lo@16:4 u.msi.address_hi@20:4 u.msi.data@24:4
            u@16:32
        kvm_irqfd 32 fd@0:4 gsi@4:4 flags@8:4 resamplefd@12:4 pad@16:16
        kvm_ioeventfd 64 datamatch@0:8 addr@8:8 len@16:4 fd@20:4 flags@24:4 pad@28:36
        kvm_guest_debug 72 control@0:4 pad@4:4 arch@8:64
        kvm_translation 24 linear_address@0:8 physical_address@8:8 valid@16:1 writeable@17:1 usermode@18:1 pad@19:5
        kvm_dirty_log 16 slot@0:4 padding1@4:4 dirty_bitmap@8:8
        kvm_clear_dirty_log 24 slot@0:4 num_pages@4:4 first_page@8:8 dirty_bitmap@16:8
        kvm_dirty_gfn 16 flags@0:4 slot@4:4 offset@8:8
        kvm_clock_data 48 clock@0:8 flags@8:4 realtime@16:8 host_tsc@24:8
        kvm_coalesced_mmio_zone 16 addr@0:8 size@8:4 pio@12:4
        kvm_coalesced_mmio 24 phys_addr@0:8 len@8:4 pio@12:4 data@16:8
        kvm_coalesced_mmio_ring 8 first@0:4 last@4:4 coalesced_mmio@8:0
        kvm_stats_header 24 flags@0:4 name_size@4:4 num_desc@8:4 id_offset@12:4 desc_offset@16:4 data_offset@20:4
        kvm_stats_desc 16 flags@0:4 exponent@4:2 size@6:2 offset@8:4 bucket_size@12:4 name@16:0
        kvm_enable_cap 104 cap@0:4 flags@4:4 args@8:32 pad@40:64
        kvm_irq_level 8 irq@0:4 level@4:4
        kvm_interrupt 4 irq@0:4
        kvm_msi 32 address_lo@0:4 address_hi@4:4 data@8:4 flags@12:4 devid@16:4
        kvm_signal_mask 4 len@0:4 sigset@4:0
        kvm_tpr_access_ctl 40 enabled@0:4 flags@4:4 reserved@8:32
        kvm_vapic_addr 8 vapic_addr@0:8
        kvm_x86_mce 64
        kvm_msr_filter 392 flags@0:4 ranges@8:384
        kvm_msr_filter_range 24 flags@0:4 nmsrs@4:4 base@8:4 bitmap@16:8
        kvm_device_attr 24 flags@0:4 group@4:4 attr@8:8 addr@16:8
        kvm_create_device 12
        kvm_nested_state 128
        """;
}
