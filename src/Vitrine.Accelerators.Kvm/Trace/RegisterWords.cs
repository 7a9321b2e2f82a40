using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm.Trace;

/// <summary>Words for the structures that hold registers, under the names of their members in &lt;asm/kvm.h&gt;.</summary>
// SAFETY: for the whole type: takes whole structures and indexes their arrays within their lengths; the count of MSRs is the
// accelerator's own, or what KVM says it has read of them.
internal static unsafe class RegisterWords
{
    private const int ApicRegisters = 64;
    private const int ApicRegisterStride = 16;
    private const int XcrCapacity = 16;
    private const int XstateBv = 512;

    public static void Regs(kvm_regs* regs, CallArguments to) => to
        .Hex("rip", regs->rip).Hex("rflags", regs->rflags)
        .Hex("rax", regs->rax).Hex("rbx", regs->rbx).Hex("rcx", regs->rcx).Hex("rdx", regs->rdx)
        .Hex("rsi", regs->rsi).Hex("rdi", regs->rdi).Hex("rsp", regs->rsp).Hex("rbp", regs->rbp)
        .Hex("r8", regs->r8).Hex("r9", regs->r9).Hex("r10", regs->r10).Hex("r11", regs->r11)
        .Hex("r12", regs->r12).Hex("r13", regs->r13).Hex("r14", regs->r14).Hex("r15", regs->r15);

    public static void Sregs2(kvm_sregs2* sregs, CallArguments to)
    {
        // The two structures are the same up to apic_base.
        kvm_sregs old = default;
        Unsafe.CopyBlock(&old, sregs, (uint)(sizeof(kvm_sregs) - (4 * sizeof(ulong))));
        Sregs(&old, to);
        to.Hex("flags", sregs->flags);
        if ((sregs->flags & KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID) == 0) return;
        for (int i = 0; i < 4; i++) to.Hex(Indexed("pdptrs", i), sregs->pdptrs[i]);
    }

    public static void Sregs(kvm_sregs* sregs, CallArguments to) => to
        .Add("cs", Segment(sregs->cs)).Add("ds", Segment(sregs->ds)).Add("es", Segment(sregs->es)).Add("fs", Segment(sregs->fs))
        .Add("gs", Segment(sregs->gs)).Add("ss", Segment(sregs->ss)).Add("tr", Segment(sregs->tr)).Add("ldt", Segment(sregs->ldt))
        .Add("gdt", Table(sregs->gdt)).Add("idt", Table(sregs->idt))
        .Hex("cr0", sregs->cr0).Hex("cr2", sregs->cr2).Hex("cr3", sregs->cr3).Hex("cr4", sregs->cr4).Hex("cr8", sregs->cr8)
        .Hex("efer", sregs->efer).Hex("apic_base", sregs->apic_base);

    public static void Msrs(kvm_msrs* header, uint count, CallArguments to)
    {
        to.Number("nmsrs", header->nmsrs);
        var entries = (kvm_msr_entry*)(header + 1);
        for (uint i = 0; i < Math.Min(count, header->nmsrs); i++) to.Hex(MsrName.Of(entries[i].index), entries[i].data);
    }

    public static void Xsave(kvm_xsave* area, CallArguments to)
    {
        ReadOnlySpan<byte> bytes = new(area, sizeof(kvm_xsave));
        FpuState fpu = new();
        XsaveCodec.Decode(bytes, fpu);
        to.Hex("xstate_bv", BinaryPrimitives.ReadUInt64LittleEndian(bytes[XstateBv..]))
            .Hex("fcw", fpu.ControlWord).Hex("fsw", fpu.StatusWord).Hex("ftw", fpu.AbridgedTag).Hex("mxcsr", fpu.Mxcsr);
        for (int i = 0; i < fpu.St.Length; i++) AddUnlessZero($"st{i}", fpu.St[i]);
        for (int i = 0; i < fpu.Xmm.Length; i++) AddUnlessZero($"xmm{i}", fpu.Xmm[i]);
        for (int i = 0; i < fpu.YmmHigh.Length; i++) AddUnlessZero($"ymm{i}_h", fpu.YmmHigh[i]);

        void AddUnlessZero(string name, UInt128 value)
        {
            if (value != 0) to.Add(name, "0x" + value.ToString("x", CultureInfo.InvariantCulture));
        }
    }

    public static void Xcrs(kvm_xcrs* xcrs, CallArguments to)
    {
        to.Number("nr_xcrs", xcrs->nr_xcrs);
        var all = (kvm_xcr*)xcrs->xcrs;
        for (int i = 0; i < Math.Min(xcrs->nr_xcrs, XcrCapacity); i++) to.Hex(string.Create(CultureInfo.InvariantCulture, $"xcr{all[i].xcr}"), all[i].value);
    }

    public static void Events(kvm_vcpu_events* events, CallArguments to) => to
        .Number("exception.injected", events->exception.injected)
        .Number("exception.pending", events->exception.pending)
        .Number("exception.nr", events->exception.nr)
        .Hex("exception.error_code", events->exception.error_code)
        .Number("interrupt.injected", events->interrupt.injected)
        .Number("interrupt.nr", events->interrupt.nr)
        .Number("interrupt.shadow", events->interrupt.shadow)
        .Number("nmi.injected", events->nmi.injected)
        .Number("nmi.pending", events->nmi.pending)
        .Number("nmi.masked", events->nmi.masked)
        .Number("sipi_vector", events->sipi_vector)
        .Number("triple_fault.pending", events->triple_fault.pending)
        .Hex("flags", events->flags);

    public static void Mp(kvm_mp_state* mp, CallArguments to) =>
        to.Add("mp_state", string.Create(CultureInfo.InvariantCulture, $"{mp->mp_state} ({(MpState)mp->mp_state})"));

    public static void Lapic(kvm_lapic_state* page, CallArguments to)
    {
        for (int i = 0; i < ApicRegisters; i++)
        {
            int offset = i * ApicRegisterStride;
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(page->regs + offset, sizeof(uint)));
            if (value != 0) to.Hex(string.Create(CultureInfo.InvariantCulture, $"APIC[0x{offset:X3}]"), value);
        }
    }

    public static void DebugRegs(kvm_debugregs* debug, CallArguments to)
    {
        for (int i = 0; i < 4; i++) to.Hex(Indexed("db", i), debug->db[i]);
        to.Hex("dr6", debug->dr6).Hex("dr7", debug->dr7);
    }

    private static string Segment(in kvm_segment segment) => SegmentCodec.Decode(segment).ToString();

    private static string Table(in kvm_dtable table) => string.Create(CultureInfo.InvariantCulture, $"base={table.@base:x} limit={table.limit:x}");

    private static string Indexed(string name, int index) => string.Create(CultureInfo.InvariantCulture, $"{name}[{index}]");
}
