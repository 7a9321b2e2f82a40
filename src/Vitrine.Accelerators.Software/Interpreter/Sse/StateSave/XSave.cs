using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>
/// XSAVE, XSAVEOPT, XSAVEC and XRSTOR (SDM vol. 1, 13.7 to 13.10), for the components x87, SSE, AVX and PKRU. Behind the legacy area of 512
/// bytes stands the header: XSTATE_BV, XCOMP_BV, and reserved bytes.
/// </summary>
internal static unsafe class XSave
{
    // SAFETY: buffers on the stack have AreaSize bytes; guest memory through GuestAccess.
    private const ulong Alignment = 64;
    private const ulong X87 = XsaveLayout.X87;
    private const ulong Sse = XsaveLayout.Sse;
    private const ulong Avx = XsaveLayout.Avx;
    private const ulong Pkru = XsaveLayout.Pkru;
    private const int HeaderOffset = 512;
    private const int HeaderSize = 64;
    private const int AvxOffset = (int)XsaveLayout.AvxOffset;
    private const int PkruOffset = (int)XsaveLayout.PkruOffset;
    private const int AreaSize = (int)(XsaveLayout.PkruOffset + XsaveLayout.PkruSize);
    private const ulong CompactedFormat = 1UL << 63;
    private const uint InitialMxcsr = 0x1F80;
    private const uint StateLeaf = 0xD;

    // Op.Extra
    private const ushort Wide = 1;
    private const ushort Optimized = 2;
    private const ushort Compacted = 4;

    /// <summary>Registers the instructions that every model with XSAVE has.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Xsave_mem, &BindSave);
        table.Add(Code.Xsave64_mem, &BindSave);
        table.Add(Code.Xsaveopt_mem, &BindSave);
        table.Add(Code.Xsaveopt64_mem, &BindSave);
        table.Add(Code.Xrstor_mem, &BindRestore);
        table.Add(Code.Xrstor64_mem, &BindRestore);
    }

    /// <summary>Binds XSAVE and its relatives.</summary>
    public static void BindSave(in Instruction instruction, in BindContext context, Op* op)
    {
        bool optimized = instruction.Mnemonic is Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64;
        bool compacted = instruction.Mnemonic is Mnemonic.Xsavec or Mnemonic.Xsavec64;
        bool wide = instruction.Mnemonic is Mnemonic.Xsave64 or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec64;
        op->Extra = (ushort)((wide ? Wide : 0) | (optimized ? Optimized : 0) | (compacted ? Compacted : 0));
        op->Handler = &Save;
    }

    private static void BindRestore(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code == Code.Xrstor64_mem ? Wide : (ushort)0;
        op->Handler = &Restore;
    }

    /// <summary>
    /// The components that are not in their initial state, XINUSE (SDM vol. 1, 13.6), as XGETBV and XSAVEC see it: MXCSR counts
    /// as SSE state.
    /// </summary>
    public static ulong InUse(CpuState* cpu) => RegistersInUse(cpu) | (cpu->Mxcsr != InitialMxcsr ? Sse : 0);

    private static ulong RegistersInUse(CpuState* cpu) =>
        (FxArea.IsX87Initial(cpu) ? 0 : X87) | (FxArea.IsXmmInitial(cpu) ? 0 : Sse) | (AvxArea.IsInitial(cpu) ? 0 : Avx) |
        (cpu->Pkru == 0 ? 0 : Pkru);

    private static Op* Save(CpuState* cpu, Op* op)
    {
        bool compacted = (op->Extra & Compacted) != 0;
        ulong requested = Requested(cpu);
        int size = (int)(compacted ? XsaveLayout.CompactedSizeOf(requested) : XsaveLayout.SizeOf(requested));
        if (!IsAvailable(cpu)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, size, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ProbeWrite(cpu, op, linear, size)) return Faults.Raise(cpu, op);
        ulong held = 0;
        if (!compacted && !GuestAccess.Read(cpu, op, linear + HeaderOffset, out held)) return Faults.Raise(cpu, op);

        // In the compacted format MXCSR belongs to the SSE state; else it goes with the request for SSE or AVX, not with its use.
        ulong used = compacted ? InUse(cpu) : RegistersInUse(cpu);
        ulong written = (op->Extra & (Optimized | Compacted)) != 0 ? requested & used : requested;
        bool mxcsr = ((compacted ? written & Sse : requested) & (Sse | Avx)) != 0;
        byte* area = stackalloc byte[AreaSize];
        int count = FxArea.XmmCount(cpu);
        FxArea.SaveX87(cpu, area, (op->Extra & Wide) != 0);
        FxArea.SaveMxcsr(cpu, area);
        FxArea.SaveXmm(cpu, area, count);
        AvxArea.Save(cpu, area + AvxOffset, count);
        *(ulong*)(area + PkruOffset) = cpu->Pkru;

        bool ok = true;
        if ((written & X87) != 0)
        {
            ok = Write(cpu, op, linear, area, 0, FxArea.X87ControlSize)
                && Write(cpu, op, linear, area, FxArea.X87Offset, FxArea.X87Size);
        }

        if (mxcsr) ok = ok && Write(cpu, op, linear, area, FxArea.MxcsrOffset, sizeof(ulong));
        if ((written & Sse) != 0) ok = ok && Write(cpu, op, linear, area, FxArea.XmmOffset, 16 * count);
        if ((written & Avx) != 0) ok = ok && Write(cpu, op, linear, area, AvxOffset, 16 * count);
        if ((written & Pkru) != 0)
        {
            ulong place = linear + (compacted ? XsaveLayout.CompactedPkruOffset(requested) : XsaveLayout.PkruOffset);
            ok = ok && GuestAccess.WriteBytes(cpu, op, place, area + PkruOffset, (int)XsaveLayout.PkruSize);
        }

        ok = ok && GuestAccess.Write(cpu, op, linear + HeaderOffset, (held & ~requested) | (used & requested));
        if (compacted) ok = ok && GuestAccess.Write(cpu, op, linear + HeaderOffset + sizeof(ulong), requested | CompactedFormat);
        return ok ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* Restore(CpuState* cpu, Op* op)
    {
        ulong requested = Requested(cpu);
        if (!IsAvailable(cpu)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForRead(cpu, op, (int)XsaveLayout.BaseSize, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ProbeRead(cpu, op, linear, (int)XsaveLayout.BaseSize)) return Faults.Raise(cpu, op);
        ulong* header = stackalloc ulong[HeaderSize / sizeof(ulong)];
        if (!GuestAccess.ReadBytes(cpu, op, linear + HeaderOffset, (byte*)header, HeaderSize)) return Faults.Raise(cpu, op);
        bool compacted = (header[1] & CompactedFormat) != 0;
        if (!IsValidHeader(cpu, header, compacted)) return Faults.GeneralProtection(cpu, op);
        int size = (int)(compacted ? CompactedSize(requested, header[1]) : XsaveLayout.SizeOf(requested));
        if (!AnyAddress.ForRead(cpu, op, size, out linear) || !GuestAccess.ProbeRead(cpu, op, linear, size)) return Faults.Raise(cpu, op);

        ulong loaded = requested & header[0];
        byte* area = stackalloc byte[AreaSize];
        int count = FxArea.XmmCount(cpu);
        bool ok = true;
        if ((loaded & X87) != 0)
        {
            ok = Read(cpu, op, linear, area, 0, FxArea.X87ControlSize)
                && Read(cpu, op, linear, area, FxArea.X87Offset, FxArea.X87Size);
        }

        // MXCSR: see Save.
        bool mxcsr = ((compacted ? loaded & Sse : requested) & (Sse | Avx)) != 0;
        if (mxcsr) ok = ok && Read(cpu, op, linear, area, FxArea.MxcsrOffset, sizeof(uint));
        if ((loaded & Sse) != 0) ok = ok && Read(cpu, op, linear, area, FxArea.XmmOffset, 16 * count);
        if ((loaded & Avx) != 0) ok = ok && Read(cpu, op, linear, area, AvxOffset, 16 * count);
        uint pkru = 0;
        if ((loaded & Pkru) != 0)
        {
            ulong place = linear + (compacted ? XsaveLayout.CompactedPkruOffset(header[1]) : XsaveLayout.PkruOffset);
            ok = ok && GuestAccess.ReadBytes(cpu, op, place, (byte*)&pkru, sizeof(uint));
        }

        if (!ok) return Faults.Raise(cpu, op);
        if (mxcsr)
        {
            if ((FxArea.Mxcsr(area) & ~FxArea.MxcsrMask) != 0) return Faults.GeneralProtection(cpu, op);
            cpu->Mxcsr = FxArea.Mxcsr(area);
        }
        else if ((requested & Sse) != 0)
        {
            cpu->Mxcsr = InitialMxcsr;
        }

        if ((loaded & Sse) != 0) FxArea.RestoreXmm(cpu, area, count);
        else if ((requested & Sse) != 0) FxArea.InitializeXmm(cpu, count);
        if ((loaded & Avx) != 0) AvxArea.Restore(cpu, area + AvxOffset, count);
        else if ((requested & Avx) != 0) AvxArea.Initialize(cpu, count);
        if ((loaded & X87) != 0) FxArea.RestoreX87(cpu, area, (op->Extra & Wide) != 0);
        else if ((requested & X87) != 0) FxArea.InitializeX87(cpu);
        if ((requested & Pkru) != 0) SoftMmu.Of(cpu).LoadKeys(pkru, cpu->Pkrs);
        return op + 1;
    }

    // PKRU is the last component, and AVX's room is before it whether or not AVX is wanted.
    private static uint CompactedSize(ulong requested, ulong format) =>
        XsaveLayout.CompactedSizeOf((requested & format & Pkru) != 0 ? format : requested & format);

    /// <summary>
    /// What XRSTOR refuses with #GP. In the standard format bytes 23:8 of the header must be zero; in the compacted one, which is there
    /// with XSAVEC, all behind XCOMP_BV.
    /// </summary>
    private static bool IsValidHeader(CpuState* cpu, ulong* header, bool compacted)
    {
        if (!compacted) return (header[0] & ~cpu->Xcr0) == 0 && header[1] == 0 && header[2] == 0;
        ulong components = header[1] & ~CompactedFormat;
        if ((Processor.Of(cpu).Cpuid.Lookup(StateLeaf, 1).Eax & CpuFeatures.Xsavec.Mask) == 0) return false;
        if ((components & ~cpu->Xcr0) != 0 || (header[0] & ~components) != 0) return false;
        ulong reserved = 0;
        for (int i = 2; i < HeaderSize / sizeof(ulong); i++) reserved |= header[i];
        return reserved == 0;
    }

    /// <summary>#UD without CR4.OSXSAVE, #NM with CR0.TS.</summary>
    private static bool IsAvailable(CpuState* cpu)
    {
        bool enabled = (cpu->Cr4 & Cr4.OSXSAVE) != 0;
        if (enabled && (cpu->Cr0 & Cr0.TS) == 0) return true;
        cpu->SetFault(enabled ? ExceptionVector.NM : ExceptionVector.UD);
        return false;
    }

    /// <summary>The components that EDX:EAX and XCR0 both name.</summary>
    private static ulong Requested(CpuState* cpu) =>
        cpu->Xcr0 & ((uint)cpu->Gpr[Gpr.Rax] | (cpu->Gpr[Gpr.Rdx] << 32));

    private static bool Write(CpuState* cpu, Op* op, ulong linear, byte* area, int offset, int size) =>
        GuestAccess.WriteBytes(cpu, op, linear + (ulong)offset, area + offset, size);

    private static bool Read(CpuState* cpu, Op* op, ulong linear, byte* area, int offset, int size) =>
        GuestAccess.ReadBytes(cpu, op, linear + (ulong)offset, area + offset, size);
}
