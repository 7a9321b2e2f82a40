using Iced.Intel;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.State;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>
/// XSAVE, XSAVEOPT, XRSTOR in the standard format (SDM vol. 1, 13.7 to 13.9), for the components x87 and SSE. Behind the
/// legacy area of 512 bytes stands the header: XSTATE_BV, XCOMP_BV, and reserved bytes.
/// </summary>
internal static unsafe class XSave
{
    // SAFETY: buffers on the stack have FxArea.XmmEnd bytes; guest memory through GuestAccess.
    private const int Size = 576;
    private const ulong Alignment = 64;
    private const ulong X87 = 1;
    private const ulong Sse = 2;
    private const int HeaderOffset = 512;

    // Op.Extra
    private const ushort Wide = 1;
    private const ushort Optimized = 2;

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Xsave_mem, &BindSave);
        table.Add(Code.Xsave64_mem, &BindSave);
        table.Add(Code.Xsaveopt_mem, &BindSave);
        table.Add(Code.Xsaveopt64_mem, &BindSave);
        table.Add(Code.Xrstor_mem, &BindRestore);
        table.Add(Code.Xrstor64_mem, &BindRestore);
    }

    private static void BindSave(in Instruction instruction, in BindContext context, Op* op)
    {
        bool optimized = instruction.Code is Code.Xsaveopt_mem or Code.Xsaveopt64_mem;
        bool wide = instruction.Code is Code.Xsave64_mem or Code.Xsaveopt64_mem;
        op->Extra = (ushort)((wide ? Wide : 0) | (optimized ? Optimized : 0));
        op->Handler = &Save;
    }

    private static void BindRestore(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code == Code.Xrstor64_mem ? Wide : (ushort)0;
        op->Handler = &Restore;
    }

    private static Op* Save(CpuState* cpu, Op* op)
    {
        if (!IsAvailable(cpu)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, Size, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ProbeWrite(cpu, op, linear, Size)) return Faults.Raise(cpu, op);
        if (!GuestAccess.Read(cpu, op, linear + HeaderOffset, out ulong held)) return Faults.Raise(cpu, op);

        ulong requested = Requested(cpu);
        ulong used = (FxArea.IsX87Initial(cpu) ? 0 : X87) | (FxArea.IsXmmInitial(cpu) ? 0 : Sse);
        ulong written = (op->Extra & Optimized) != 0 ? requested & used : requested;
        byte* area = stackalloc byte[FxArea.XmmEnd];
        int count = FxArea.XmmCount(cpu);
        FxArea.SaveX87(cpu, area, (op->Extra & Wide) != 0);
        FxArea.SaveMxcsr(cpu, area);
        FxArea.SaveXmm(cpu, area, count);

        bool ok = true;
        if ((written & X87) != 0)
        {
            ok = Write(cpu, op, linear, area, 0, FxArea.X87ControlSize)
                && Write(cpu, op, linear, area, FxArea.X87Offset, FxArea.X87Size);
        }

        // MXCSR goes with the request for SSE, not with its use.
        if ((requested & Sse) != 0) ok = ok && Write(cpu, op, linear, area, FxArea.MxcsrOffset, sizeof(ulong));
        if ((written & Sse) != 0) ok = ok && Write(cpu, op, linear, area, FxArea.XmmOffset, 16 * count);
        ok = ok && GuestAccess.Write(cpu, op, linear + HeaderOffset, (held & ~requested) | (used & requested));
        return ok ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* Restore(CpuState* cpu, Op* op)
    {
        if (!IsAvailable(cpu)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForRead(cpu, op, Size, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ProbeRead(cpu, op, linear, Size)) return Faults.Raise(cpu, op);

        // Bytes 23:8 of the header must be zero; bit 63 of XCOMP_BV would ask for the compacted format, which is not announced.
        ulong* header = stackalloc ulong[3];
        if (!GuestAccess.ReadBytes(cpu, op, linear + HeaderOffset, (byte*)header, 3 * sizeof(ulong))) return Faults.Raise(cpu, op);
        if ((header[0] & ~cpu->Xcr0) != 0 || header[1] != 0 || header[2] != 0) return Faults.GeneralProtection(cpu, op);

        ulong requested = Requested(cpu);
        ulong loaded = requested & header[0];
        byte* area = stackalloc byte[FxArea.XmmEnd];
        int count = FxArea.XmmCount(cpu);
        bool ok = true;
        if ((loaded & X87) != 0)
        {
            ok = Read(cpu, op, linear, area, 0, FxArea.X87ControlSize)
                && Read(cpu, op, linear, area, FxArea.X87Offset, FxArea.X87Size);
        }

        if ((requested & Sse) != 0) ok = ok && Read(cpu, op, linear, area, FxArea.MxcsrOffset, sizeof(uint));
        if ((loaded & Sse) != 0) ok = ok && Read(cpu, op, linear, area, FxArea.XmmOffset, 16 * count);
        if (!ok) return Faults.Raise(cpu, op);

        if ((requested & Sse) != 0)
        {
            uint mxcsr = FxArea.Mxcsr(area);
            if ((mxcsr & ~FxArea.MxcsrMask) != 0) return Faults.GeneralProtection(cpu, op);
            cpu->Mxcsr = mxcsr;
            if ((loaded & Sse) != 0) FxArea.RestoreXmm(cpu, area, count);
            else FxArea.InitializeXmm(cpu, count);
        }

        if ((loaded & X87) != 0) FxArea.RestoreX87(cpu, area, (op->Extra & Wide) != 0);
        else if ((requested & X87) != 0) FxArea.InitializeX87(cpu);
        return op + 1;
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
