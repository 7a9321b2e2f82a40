using System.Buffers.Binary;
using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Trace;

/// <summary>Words for the structures that hold registers, under the names of their members in &lt;asm/kvm.h&gt;.</summary>
internal static unsafe class RegisterWords
{
    // SAFETY: for the whole type: the fixed arrays of copied structures are indexed within their lengths.
    // The kernel's own limits (MAX_IO_MSRS, KVM_MAX_CPUID_ENTRIES); a list of indices is the kernel's.
    private const int MostMsrs = 256;
    private const int MostIndices = 4096;

    private const int ApicRegisters = 64;
    private const int ApicRegisterStride = 16;
    private const int XcrCapacity = 16;
    private const int XstateBv = 512;

    public static bool Regs(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_regs regs)) return false;
        to.Hex("rip", regs.rip).Hex("rflags", regs.rflags)
            .Hex("rax", regs.rax).Hex("rbx", regs.rbx).Hex("rcx", regs.rcx).Hex("rdx", regs.rdx)
            .Hex("rsi", regs.rsi).Hex("rdi", regs.rdi).Hex("rsp", regs.rsp).Hex("rbp", regs.rbp)
            .Hex("r8", regs.r8).Hex("r9", regs.r9).Hex("r10", regs.r10).Hex("r11", regs.r11)
            .Hex("r12", regs.r12).Hex("r13", regs.r13).Hex("r14", regs.r14).Hex("r15", regs.r15);
        return true;
    }

    public static bool Sregs2(in IoctlCall call, CallArguments to)
    {
        // The two structures are the same up to apic_base.
        if (!call.Memory.TryRead(call.Argument, out kvm_sregs2 sregs) || !Sregs(call, to)) return false;
        to.Hex("flags", sregs.flags);
        if ((sregs.flags & KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID) == 0) return true;
        for (int i = 0; i < 4; i++) to.Hex(Indexed("pdptrs", i), sregs.pdptrs[i]);
        return true;
    }

    public static bool Sregs(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_sregs sregs)) return false;
        to.Add("cs", Segment(sregs.cs)).Add("ds", Segment(sregs.ds)).Add("es", Segment(sregs.es)).Add("fs", Segment(sregs.fs))
            .Add("gs", Segment(sregs.gs)).Add("ss", Segment(sregs.ss)).Add("tr", Segment(sregs.tr)).Add("ldt", Segment(sregs.ldt))
            .Add("gdt", Table(sregs.gdt)).Add("idt", Table(sregs.idt))
            .Hex("cr0", sregs.cr0).Hex("cr2", sregs.cr2).Hex("cr3", sregs.cr3).Hex("cr4", sregs.cr4).Hex("cr8", sregs.cr8)
            .Hex("efer", sregs.efer).Hex("apic_base", sregs.apic_base);
        return true;
    }

    public static bool MsrIndexList(in IoctlCall call, long result, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out uint count)) return false;
        to.Number("room", call.First).Number("nmsrs", count);
        uint[] indices = result < 0 ? [] : call.Memory.ReadList<uint>(call.Argument + sizeof(uint), Math.Min(count, call.First), MostIndices);
        if (indices.Length > 0) to.Add("indices", string.Join(' ', indices.Select(static index => index.ToString("x", CultureInfo.InvariantCulture))));
        return true;
    }

    /// <summary>A list of MSRs, as far as their values are known.</summary>
    public static bool Msrs(in IoctlCall call, uint known, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_msrs header)) return false;
        to.Number("nmsrs", header.nmsrs);
        kvm_msr_entry[] entries = call.Memory.ReadList<kvm_msr_entry>(call.Argument + (ulong)sizeof(kvm_msrs), Math.Min(known, header.nmsrs), MostMsrs);
        foreach (kvm_msr_entry entry in entries) to.Hex(MsrName.Of(entry.index), entry.data);
        return true;
    }

    public static bool Fpu(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_fpu fpu)) return false;
        to.Hex("fcw", fpu.fcw).Hex("fsw", fpu.fsw).Hex("ftwx", fpu.ftwx).Hex("mxcsr", fpu.mxcsr);
        return true;
    }

    public static bool Xsave(in IoctlCall call, CallArguments to)
    {
        byte[] bytes = new byte[sizeof(kvm_xsave)];
        if (!call.Memory.TryRead(call.Argument, bytes)) return false;
        FpuState fpu = new();
        XsaveCodec.Decode(bytes, fpu);
        to.Hex("xstate_bv", BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(XstateBv)))
            .Hex("fcw", fpu.ControlWord).Hex("fsw", fpu.StatusWord).Hex("ftw", fpu.AbridgedTag).Hex("mxcsr", fpu.Mxcsr);
        for (int i = 0; i < fpu.St.Length; i++) AddUnlessZero($"st{i}", fpu.St[i]);
        for (int i = 0; i < fpu.Xmm.Length; i++) AddUnlessZero($"xmm{i}", fpu.Xmm[i]);
        for (int i = 0; i < fpu.YmmHigh.Length; i++) AddUnlessZero($"ymm{i}_h", fpu.YmmHigh[i]);
        return true;

        void AddUnlessZero(string name, UInt128 value)
        {
            if (value != 0) to.Add(name, "0x" + value.ToString("x", CultureInfo.InvariantCulture));
        }
    }

    public static bool Xcrs(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_xcrs xcrs)) return false;
        to.Number("nr_xcrs", xcrs.nr_xcrs);
        var all = (kvm_xcr*)xcrs.xcrs;
        for (int i = 0; i < Math.Min(xcrs.nr_xcrs, XcrCapacity); i++) to.Hex(string.Create(CultureInfo.InvariantCulture, $"xcr{all[i].xcr}"), all[i].value);
        return true;
    }

    public static bool Events(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_vcpu_events events)) return false;
        to.Number("exception.injected", events.exception.injected)
            .Number("exception.pending", events.exception.pending)
            .Number("exception.nr", events.exception.nr)
            .Hex("exception.error_code", events.exception.error_code)
            .Number("interrupt.injected", events.interrupt.injected)
            .Number("interrupt.nr", events.interrupt.nr)
            .Number("interrupt.shadow", events.interrupt.shadow)
            .Number("nmi.injected", events.nmi.injected)
            .Number("nmi.pending", events.nmi.pending)
            .Number("nmi.masked", events.nmi.masked)
            .Number("sipi_vector", events.sipi_vector)
            .Number("triple_fault.pending", events.triple_fault.pending)
            .Hex("flags", events.flags);
        return true;
    }

    public static bool Mp(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_mp_state mp)) return false;
        to.Add("mp_state", string.Create(CultureInfo.InvariantCulture, $"{mp.mp_state} ({(MpState)mp.mp_state})"));
        return true;
    }

    public static bool Lapic(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_lapic_state page)) return false;
        for (int i = 0; i < ApicRegisters; i++)
        {
            int offset = i * ApicRegisterStride;
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(page.regs + offset, sizeof(uint)));
            if (value != 0) to.Hex(string.Create(CultureInfo.InvariantCulture, $"APIC[0x{offset:X3}]"), value);
        }

        return true;
    }

    public static bool DebugRegs(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_debugregs debug)) return false;
        for (int i = 0; i < 4; i++) to.Hex(Indexed("db", i), debug.db[i]);
        to.Hex("dr6", debug.dr6).Hex("dr7", debug.dr7);
        return true;
    }

    private static string Segment(in kvm_segment segment) => SegmentCodec.Decode(segment).ToString();

    private static string Table(in kvm_dtable table) => string.Create(CultureInfo.InvariantCulture, $"base={table.@base:x} limit={table.limit:x}");

    private static string Indexed(string name, int index) => string.Create(CultureInfo.InvariantCulture, $"{name}[{index}]");
}
