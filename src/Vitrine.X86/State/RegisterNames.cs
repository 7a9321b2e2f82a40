using System.Buffers.Binary;
using System.Globalization;
using Vitrine.X86.Registers;

namespace Vitrine.X86.State;

/// <summary>A <see cref="ProcessorState"/> as a list of named registers, in a stable order.</summary>
public static class RegisterNames
{
    /// <summary>Name of the time-stamp counter's MSR.</summary>
    internal const string TimeStampCounter = nameof(Msr.IA32_TIME_STAMP_COUNTER);

    /// <summary>Name of the local APIC timer's current count (SDM vol. 3, table "Local APIC Register Address Map").</summary>
    internal const string ApicCurrentCount = "APIC[0x390]";

    private const int ApicRegisterStride = 16;
    private const int ApicVersion = 0x30;

    private static readonly string[] s_apic =
        [.. Enumerable.Range(0, 64).Select(static i => string.Create(CultureInfo.InvariantCulture, $"APIC[0x{i * ApicRegisterStride:X3}]"))];

    /// <summary>The general-purpose registers in encoding order.</summary>
    public static IReadOnlyList<string> Gpr { get; } =
        ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"];

    /// <summary>The segment registers in the order of <see cref="State.Seg"/>.</summary>
    public static IReadOnlyList<string> Seg { get; } = ["ES", "CS", "SS", "DS", "FS", "GS", "TR", "LDTR"];

    /// <summary>
    /// Every register of a state. Model-specific registers that it doesn't have are left out, and so is a local APIC that was never read
    /// from an accelerator (its version register is 0 then, as no APIC's is).
    /// </summary>
    public static IReadOnlyList<RegisterValue> List(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        List<RegisterValue> list = new(256);
        for (int i = 0; i < State.Gpr.Count; i++) list.Add(new(Gpr[i], 64, state.Gpr[i]));
        list.Add(new("RIP", 64, state.Rip));
        list.Add(new("RFLAGS", 64, state.Rflags));
        for (int i = 0; i < State.Seg.Count; i++) AddSegment(list, Seg[i], state.Segments[i]);
        AddTable(list, "GDTR", state.Gdtr);
        AddTable(list, "IDTR", state.Idtr);
        list.Add(new("CR0", 64, state.Cr0));
        list.Add(new("CR2", 64, state.Cr2));
        list.Add(new("CR3", 64, state.Cr3));
        list.Add(new("CR4", 64, state.Cr4));
        list.Add(new("CR8", 64, state.Cr8));
        list.Add(new("XCR0", 64, state.Xcr0));
        list.Add(new("PKRU", 32, state.Pkru));
        for (int i = 0; i < state.DebugAddress.Length; i++) list.Add(new($"DR{i}", 64, state.DebugAddress[i]));
        list.Add(new("DR6", 64, state.Dr6));
        list.Add(new("DR7", 64, state.Dr7));
        for (int i = 0; i < state.Pdptes.Length; i++) list.Add(new($"PDPTE{i}", 64, state.Pdptes[i]));
        AddFpu(list, state.Fpu);
        list.Add(new(nameof(Msr.IA32_APIC_BASE), 64, state.ApicBase));
        list.Add(new(nameof(Msr.IA32_EFER), 64, state.Efer));
        foreach ((uint index, ulong value) in state.Msrs) list.Add(new(MsrName.Of(index), 64, value));
        AddEvents(list, state.Events);
        list.Add(new("MP state", 32, (uint)state.MpState));
        AddLocalApic(list, state.LocalApic);
        return list;
    }

    private static void AddSegment(List<RegisterValue> list, string name, in SegmentRegister segment)
    {
        list.Add(new(name, 16, segment.Selector));
        list.Add(new(name + ".base", 64, segment.Base));
        list.Add(new(name + ".limit", 32, segment.Limit));
        list.Add(new(name + ".access", 20, segment.Access));
    }

    private static void AddTable(List<RegisterValue> list, string name, DescriptorTable table)
    {
        list.Add(new(name + ".base", 64, table.Base));
        list.Add(new(name + ".limit", 16, table.Limit));
    }

    private static void AddFpu(List<RegisterValue> list, FpuState fpu)
    {
        list.Add(new("FCW", 16, fpu.ControlWord));
        list.Add(new("FSW", 16, fpu.StatusWord));
        list.Add(new("FTW", 8, fpu.AbridgedTag));
        list.Add(new("FOP", 16, fpu.LastOpcode));
        list.Add(new("FIP", 64, fpu.LastInstructionPointer));
        list.Add(new("FDP", 64, fpu.LastDataPointer));
        list.Add(new("MXCSR", 32, fpu.Mxcsr));
        for (int i = 0; i < fpu.St.Length; i++) list.Add(new($"ST({i})", 80, fpu.St[i]));
        for (int i = 0; i < fpu.Xmm.Length; i++) list.Add(new($"XMM{i}", 128, fpu.Xmm[i]));
        for (int i = 0; i < fpu.YmmHigh.Length; i++) list.Add(new($"YMM{i}[255:128]", 128, fpu.YmmHigh[i]));
    }

    private static void AddEvents(List<RegisterValue> list, PendingEvents events)
    {
        Flag("exception injected", events.ExceptionInjected);
        Flag("exception pending", events.ExceptionPending);
        list.Add(new("exception vector", 8, events.ExceptionVector));
        list.Add(new("exception error code", 32, events.ExceptionErrorCode));
        Flag("interrupt injected", events.InterruptInjected);
        list.Add(new("interrupt vector", 8, events.InterruptVector));
        list.Add(new("interrupt shadow", 8, events.InterruptShadow));
        Flag("NMI injected", events.NmiInjected);
        list.Add(new("NMIs pending", 8, events.NmisPending));
        Flag("NMI masked", events.NmiMasked);
        Flag("triple fault pending", events.TripleFaultPending);

        void Flag(string name, bool value) => list.Add(new(name, 1, value ? 1u : 0u));
    }

    private static void AddLocalApic(List<RegisterValue> list, byte[] page)
    {
        if (page[ApicVersion] == 0) return;
        for (int i = 0; i < s_apic.Length; i++)
        {
            list.Add(new(s_apic[i], 32, BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(i * ApicRegisterStride))));
        }
    }
}
