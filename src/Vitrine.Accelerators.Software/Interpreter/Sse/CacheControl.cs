using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>
/// Prefetches, fences, CLFLUSH, CLFLUSHOPT, CLWB. There is no cache to control; CLFLUSH and its relatives fault like a byte load, prefetches never fault.
/// None of them depends on CR0.EM, CR0.TS or CR4.OSFXSR.
/// </summary>
internal static unsafe class CacheControl
{
    // SAFETY: guest memory is only probed.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        Code[] hints =
        [
            Code.Prefetchnta_m8, Code.Prefetcht0_m8, Code.Prefetcht1_m8, Code.Prefetcht2_m8,
            Code.Prefetch_m8, Code.Prefetchw_m8, Code.Prefetchwt1_m8,
            Code.Prefetchreserved3_m8, Code.Prefetchreserved4_m8, Code.Prefetchreserved5_m8,
            Code.Prefetchreserved6_m8, Code.Prefetchreserved7_m8,
        ];
        Code[] fences =
        [
            Code.Lfence, Code.Lfence_E9, Code.Lfence_EA, Code.Lfence_EB,
            Code.Lfence_EC, Code.Lfence_ED, Code.Lfence_EE, Code.Lfence_EF,
            Code.Mfence, Code.Mfence_F1, Code.Mfence_F2, Code.Mfence_F3,
            Code.Mfence_F4, Code.Mfence_F5, Code.Mfence_F6, Code.Mfence_F7,
            Code.Sfence, Code.Sfence_F9, Code.Sfence_FA, Code.Sfence_FB,
            Code.Sfence_FC, Code.Sfence_FD, Code.Sfence_FE, Code.Sfence_FF,
        ];
        foreach (Code code in hints) table.Add(code, &BindHint);
        foreach (Code code in fences) table.Add(code, &BindFence);
        table.Add(Code.Clflush_m8, &BindFlush);
    }

    private static void BindHint(in Instruction instruction, in BindContext context, Op* op) => op->Handler = &Hint;

    private static void BindFence(in Instruction instruction, in BindContext context, Op* op) => op->Handler = &Fence;

    /// <summary>Binds CLFLUSH and its relatives, where they are announced.</summary>
    public static void BindFlush(in Instruction instruction, in BindContext context, Op* op) => op->Handler = &Flush;

    private static Op* Hint(CpuState* cpu, Op* op) => op + 1;

    /// <summary>A full barrier for all three: other vCPUs are other threads of the host.</summary>
    private static Op* Fence(CpuState* cpu, Op* op)
    {
        Interlocked.MemoryBarrier();
        return op + 1;
    }

    private static Op* Flush(CpuState* cpu, Op* op) =>
        ForFlush(cpu, op, out ulong linear) && GuestAccess.ProbeRead(cpu, op, linear, 1)
            ? op + 1
            : Faults.Raise(cpu, op);

    /// <summary>As for a byte load, but from a segment that may only be executed too (SDM vol. 2, CLFLUSH).</summary>
    private static bool ForFlush(CpuState* cpu, Op* op, out ulong linear)
    {
        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        uint type = segment.Access & (DescriptorType.Code | DescriptorType.Readable | SegmentRegister.UnusableBit);
        bool executeOnly = op->Form == AddressForm.Legacy && (cpu->Mode & ExecutionMode.Code64) == 0 && type == DescriptorType.Code;
        if (!executeOnly) return AnyAddress.ForRead(cpu, op, 1, out linear);
        ulong offset = AnyAddress.Offset(cpu, op);
        linear = (uint)(segment.Base + offset);
        if (offset <= segment.Limit) return true;
        cpu->SetFault(ExceptionVector.GP, 0);
        return false;
    }
}
