using System.Globalization;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.State;

/// <summary>The state in force at the first instruction: each register, and where its value comes from.</summary>
internal static class StateExplanation
{
    private static readonly (string Name, int Index)[] s_segments =
        [("CS", Seg.Cs), ("DS", Seg.Ds), ("ES", Seg.Es), ("SS", Seg.Ss), ("FS", Seg.Fs), ("GS", Seg.Gs), ("TR", Seg.Tr), ("LDTR", Seg.Ldtr)];

    /// <summary>What is set on a vCPU before any state is put.</summary>
    /// <param name="model">Name of the CPU model.</param>
    /// <param name="cpuid">What CPUID answers.</param>
    /// <param name="hardware">The vCPU is KVM's.</param>
    public static IReadOnlyList<SettingFact> Settings(string model, IReadOnlyList<CpuidEntry> cpuid, bool hardware)
    {
        const uint Extended = 0x8000_0000;
        CpuidEntry[] entries = [.. cpuid];
        CpuidTable table = new(entries);
        ProcessorLimits limits = ProcessorLimits.From(entries);
        List<SettingFact> settings =
        [
            new(
                "CPUID",
                string.Create(CultureInfo.InvariantCulture, $"{entries.Length} leaves for model {model}, up to 0x{table.Lookup(0, 0).Eax:x} and 0x{table.Lookup(Extended, 0).Eax:x}"),
                "It comes before the registers: which bits of CR4, EFER and CR3 may be set follows from it.",
                Evidence.Observed),
            new("CPUID signature", $"0x{table.Signature:x8}", "RESET leaves it in EDX.", Evidence.Observed),
            new(
                "physical addresses",
                string.Create(CultureInfo.InvariantCulture, $"{limits.PhysicalAddressBits} bits"),
                "Bits of CR3 and of page-table entries above are reserved.",
                Evidence.Observed),
        ];
        if (table.Lookup(0x15, 0) is { Eax: > 0, Ebx: > 0, Ecx: > 0 } clock)
        {
            ulong hertz = (ulong)clock.Ecx * clock.Ebx / clock.Eax;
            settings.Add(new(
                "time-stamp counter",
                string.Create(CultureInfo.InvariantCulture, $"{hertz / 1e6:0.###} MHz, local APIC timer {clock.Ecx / 1e6:0.###} MHz"),
                hardware ? "Read from KVM, which counts at the host's rate; the guest learns it from leaf 0x15." : "The software CPU counts nanoseconds; the guest learns it from leaf 0x15.",
                Evidence.Observed));
        }

        return settings;
    }

    /// <summary>The registers, each with what is remarkable.</summary>
    /// <param name="state">They.</param>
    /// <param name="signature">CPUID.1:EAX.</param>
    /// <param name="beforeFirst">Nothing has been executed: what isn't from RESET is from the boot protocol.</param>
    public static IReadOnlyList<RegisterFact> Registers(ProcessorState state, uint signature, bool beforeFirst)
    {
        string origin = beforeFirst ? "set by the boot protocol" : "";
        ProcessorState reset = ResetState.Create(0, signature);
        List<RegisterFact> facts = [];
        Add("RIP", state.Rip, reset.Rip, "");
        Add("RFLAGS", state.Rflags, reset.Rflags, (state.Rflags & Rflags.IF) == 0 ? "interrupts off; bit 1 is always set" : "");
        foreach ((string name, int index) in s_segments) AddSegment(name, state.Segments[index], reset.Segments[index]);
        AddTable("GDTR", state.Gdtr, reset.Gdtr);
        AddTable("IDTR", state.Idtr, reset.Idtr);
        Add("CR0", state.Cr0, reset.Cr0, Cr0Text(state.Cr0));
        Add("CR2", state.Cr2, reset.Cr2, "");
        Add("CR3", state.Cr3, reset.Cr3, (state.Cr0 & Cr0.PG) == 0 ? "without meaning while paging is off" : "root of the guest's page tables, a guest-physical address");
        Add("CR4", state.Cr4, reset.Cr4, "");
        Add("EFER", state.Efer, reset.Efer, (state.Efer & Efer.LMA) != 0 ? "LMA: long mode is active" : "");
        for (int i = 0; i < Gpr.Count; i++)
        {
            if (state.Gpr[i] != 0 || reset.Gpr[i] != 0) Add(RegisterNames.Gpr[i], state.Gpr[i], reset.Gpr[i], i == Gpr.Rdx && state.Gpr[i] == signature ? "CPUID.1:EAX" : "");
        }

        Add("DR6", state.Dr6, reset.Dr6, "");
        Add("DR7", state.Dr7, reset.Dr7, "");
        Add("XCR0", state.Xcr0, reset.Xcr0, state.Xcr0 == 1 ? "x87 state only" : "");
        if ((state.Cr4 & Cr4.PKE) != 0) Add("PKRU", state.Pkru, reset.Pkru, "");
        Add("FCW", state.Fpu.ControlWord, reset.Fpu.ControlWord, state.Fpu.ControlWord == reset.Fpu.ControlWord ? "as FNINIT sets it; silicon's RESET gives 0x40" : "");
        Add("MXCSR", state.Fpu.Mxcsr, reset.Fpu.Mxcsr, "");
        Add("APIC base", state.ApicBase, reset.ApicBase, (state.ApicBase & ResetState.ApicBaseBsp) != 0 ? "bit 8: the bootstrap processor" : "");
        if (state.Msrs.TryGetValue(Msr.IA32_PAT, out ulong pat)) Add("PAT", pat, ResetState.DefaultPat, "");
        facts.Add(new("MP state", state.MpState.ToString().ToLowerInvariant(), "", Evidence.Observed));
        return facts;

        void Add(string name, ulong value, ulong afterReset, string note) =>
            facts.Add(new(name, $"0x{value:x}", value == afterReset || !beforeFirst ? note : Note(note, $"{origin}; RESET gives 0x{afterReset:x}"), Evidence.Observed));

        void AddSegment(string name, SegmentRegister value, SegmentRegister afterReset) => facts.Add(new(
            name, SegmentText(value), value == afterReset ? SegmentNote(name, value) : origin, Evidence.Observed));

        void AddTable(string name, DescriptorTable value, DescriptorTable afterReset) => facts.Add(new(
            name, $"base 0x{value.Base:x}, limit 0x{value.Limit:x}", value == afterReset ? "" : origin, Evidence.Observed));
    }

    private static string Cr0Text(ulong cr0) => (cr0 & Cr0.PE) == 0
        ? "PE = 0: real mode; PG = 0: no paging"
        : (cr0 & Cr0.PG) == 0 ? "PE = 1: protected mode; PG = 0: no paging" : "PE = 1: protected mode; PG = 1: paging";

    private static string Note(string note, string origin) => note.Length == 0 ? origin : $"{note} ({origin})";

    private static string SegmentText(SegmentRegister segment) => segment.Unusable
        ? $"{segment.Selector:x4}, unusable"
        : $"{segment.Selector:x4} base {segment.Base:x} limit {segment.Limit:x} access {segment.Access:x}";

    private static string SegmentNote(string name, SegmentRegister segment) =>
        name == "CS" && segment.Base != (ulong)segment.Selector << 4 ? "the base is not selector × 16: RESET sets it so" : "";
}
