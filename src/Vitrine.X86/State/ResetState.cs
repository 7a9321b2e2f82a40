using System.Buffers.Binary;
using Vitrine.X86.Registers;

namespace Vitrine.X86.State;

/// <summary>
/// The state of a processor after RESET (power-on) and after INIT (SDM vol. 3, table 9-1
/// "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT").
/// </summary>
/// <remarks>
/// Two values follow common practice of virtual machine monitors instead of silicon: the x87 control word is 037F
/// (what FNINIT sets; silicon: 0040), and LINT0 of the boot processor's local APIC already passes the 8259's
/// interrupts on ("virtual wire mode", which firmware sets up on a real board; silicon: masked).
/// </remarks>
public static class ResetState
{
    /// <summary>Physical address of the local APIC's registers after RESET.</summary>
    public const ulong ApicDefaultBase = 0xFEE0_0000;

    /// <summary>IA32_APIC_BASE: this is the bootstrap processor.</summary>
    public const ulong ApicBaseBsp = 1UL << 8;

    /// <summary>IA32_APIC_BASE: x2APIC mode.</summary>
    public const ulong ApicBaseX2ApicEnable = 1UL << 10;

    /// <summary>IA32_APIC_BASE: the local APIC is enabled.</summary>
    public const ulong ApicBaseEnable = 1UL << 11;

    /// <summary>IA32_PAT: WB, WT, UC-, UC, twice.</summary>
    public const ulong DefaultPat = 0x0007_0406_0007_0406;

    private const uint CodeAccess = 0x9B;
    private const uint DataAccess = 0x93;
    private const uint LdtAccess = 0x82;
    private const uint BusyTssAccess = 0x8B;

    /// <summary>MSRs with a defined value after RESET that every processor model here has.</summary>
    private static readonly (uint Index, ulong Value)[] s_msrs =
    [
        (Msr.IA32_TIME_STAMP_COUNTER, 0),
        (Msr.IA32_SYSENTER_CS, 0),
        (Msr.IA32_SYSENTER_ESP, 0),
        (Msr.IA32_SYSENTER_EIP, 0),
        (Msr.IA32_MISC_ENABLE, MiscEnable.FastStrings),
        (Msr.IA32_PAT, DefaultPat),
        (Msr.IA32_MTRR_DEF_TYPE, 0),
        (Msr.IA32_STAR, 0),
        (Msr.IA32_LSTAR, 0),
        (Msr.IA32_CSTAR, 0),
        (Msr.IA32_FMASK, 0),
        (Msr.IA32_KERNEL_GS_BASE, 0),
    ];

    /// <summary>MSRs that RESET clears where the accelerator has them, which shows by their being in the state already.</summary>
    private static readonly uint[] s_clearedWherePresent =
    [
        Msr.IA32_TSC_ADJUST, Msr.IA32_SPEC_CTRL, Msr.IA32_DEBUGCTL, Msr.IA32_TSC_DEADLINE, Msr.IA32_XSS, Msr.IA32_TSC_AUX, Msr.IA32_PKRS,
    ];

    /// <summary>A processor just after RESET.</summary>
    /// <param name="apicId">Local-APIC id; 0 is the bootstrap processor, the others wait for INIT and SIPI.</param>
    /// <param name="cpuidSignature">CPUID.1:EAX (family, model, stepping), which RESET leaves in EDX.</param>
    public static ProcessorState Create(int apicId, uint cpuidSignature)
    {
        var state = new ProcessorState();
        Apply(state, apicId, cpuidSignature);
        return state;
    }

    /// <summary>Puts a state that was read from an accelerator into that after RESET.</summary>
    /// <param name="state">The state to change.</param>
    /// <param name="apicId">Local-APIC id; 0 is the bootstrap processor, the others wait for INIT and SIPI.</param>
    /// <param name="cpuidSignature">CPUID.1:EAX (family, model, stepping), which RESET leaves in EDX.</param>
    public static void Apply(ProcessorState state, int apicId, uint cpuidSignature)
    {
        ArgumentNullException.ThrowIfNull(state);
        bool bootstrap = apicId == 0;
        ApplyCommon(state, cpuidSignature);
        state.Cr0 = Cr0.CD | Cr0.NW | Cr0.ET;
        state.Cr8 = 0;
        state.Xcr0 = 1;
        state.Pkru = 0;
        state.ApicBase = ApicDefaultBase | ApicBaseEnable | (bootstrap ? ApicBaseBsp : 0);
        state.MpState = bootstrap ? MpState.Runnable : MpState.Uninitialized;
        ApplyFpu(state.Fpu);
        foreach ((uint index, ulong value) in s_msrs)
            state.Msrs[index] = value;
        foreach (uint index in s_clearedWherePresent)
        {
            if (state.Msrs.ContainsKey(index))
                state.Msrs[index] = 0;
        }

        ApplyLocalApic(state.LocalApic, apicId, bootstrap);
    }

    /// <summary>
    /// Puts a state into that after INIT. Unlike RESET, INIT keeps the caches (CR0.CD and CR0.NW), the x87, MMX, SSE, XCR0
    /// and PKRU state, the MSRs with the time-stamp counter, and the APIC's base and id.
    /// </summary>
    /// <param name="state">The state to change.</param>
    /// <param name="cpuidSignature">CPUID.1:EAX (family, model, stepping), which INIT leaves in EDX.</param>
    public static void ApplyInit(ProcessorState state, uint cpuidSignature)
    {
        ArgumentNullException.ThrowIfNull(state);
        ulong kept = state.Cr0 & (Cr0.CD | Cr0.NW);
        bool bootstrap = (state.ApicBase & ApicBaseBsp) != 0;
        ApplyCommon(state, cpuidSignature);
        state.Cr0 = kept | Cr0.ET;
        state.MpState = bootstrap ? MpState.Runnable : MpState.InitReceived;
    }

    private static void ApplyCommon(ProcessorState state, uint cpuidSignature)
    {
        Array.Clear(state.Gpr);
        state.Gpr[Gpr.Rdx] = cpuidSignature;
        state.Rip = 0xFFF0;
        state.Rflags = Rflags.Fixed;
        foreach (int segment in (ReadOnlySpan<int>)[Seg.Es, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs])
            state.Segments[segment] = new SegmentRegister(0, 0, 0xFFFF, DataAccess);
        // The base isn't selector × 16: the first fetch goes to the last 16 bytes below 4 GiB.
        state.Segments[Seg.Cs] = new SegmentRegister(0xF000, 0xFFFF_0000, 0xFFFF, CodeAccess);
        state.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0xFFFF, LdtAccess);
        state.Segments[Seg.Tr] = new SegmentRegister(0, 0, 0xFFFF, BusyTssAccess);
        state.Gdtr = new DescriptorTable(0, 0xFFFF);
        state.Idtr = new DescriptorTable(0, 0xFFFF);
        state.Cr2 = 0;
        state.Cr3 = 0;
        state.Cr4 = 0;
        state.Efer = 0;
        Array.Clear(state.DebugAddress);
        state.Dr6 = Dr6.Fixed1;
        state.Dr7 = Dr7.Fixed1;
        state.Events = default;
        Array.Clear(state.Pdptes);
    }

    private static void ApplyFpu(FpuState fpu)
    {
        fpu.ControlWord = 0x37F;
        fpu.StatusWord = 0;
        fpu.AbridgedTag = 0;
        fpu.LastOpcode = 0;
        fpu.LastInstructionPointer = 0;
        fpu.LastDataPointer = 0;
        fpu.Mxcsr = 0x1F80;
        Array.Clear(fpu.St);
        Array.Clear(fpu.Xmm);
        Array.Clear(fpu.YmmHigh);
    }

    /// <summary>SDM vol. 3, 11.4.7.1 "Local APIC State After Power-Up or Reset".</summary>
    private static void ApplyLocalApic(byte[] page, int apicId, bool bootstrap)
    {
        const uint Masked = 1u << 16;
        const uint ExtInt = 7u << 8;
        Array.Clear(page);
        Set(0x20, (uint)apicId << 24);
        Set(0x30, 0x0005_0014); // version 14h, six LVT entries
        Set(0xE0, 0xFFFF_FFFF); // flat model
        Set(0xF0, 0xFF);        // software-disabled, spurious vector FFh
        Set(0x320, Masked);
        Set(0x330, Masked);
        Set(0x340, Masked);
        Set(0x350, bootstrap ? ExtInt : Masked);
        Set(0x360, Masked);
        Set(0x370, Masked);

        void Set(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(offset), value);
    }
}
