using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Tests.Software.Sse;

/// <summary>Runs one handler on a state of its own, whose linear addresses are host addresses for one page.</summary>
// SAFETY: state and TLB are native and live as long as the object; the TLB knows the page of Memory only, and tests keep within it.
internal sealed unsafe class HandlerHarness : IDisposable
{
    public const int MemorySize = 4096;
    private readonly TlbEntry* _tlb;

    public HandlerHarness()
    {
        Cpu = (CpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(CpuState), 64);
        NativeMemory.Clear(Cpu, (nuint)sizeof(CpuState));
        _tlb = (TlbEntry*)NativeMemory.AllocZeroed(GuestAccess.TlbEntries, (nuint)sizeof(TlbEntry));
        Memory = (byte*)NativeMemory.AlignedAlloc(MemorySize, MemorySize);
        Cpu->Tlb = _tlb;
        Cpu->TlbTag = 1;
        Cpu->Mode = ExecutionMode.Code64 | ExecutionMode.Protected | ExecutionMode.LongMode;
        Cpu->Cr4 = Cr4.OSFXSR;
        TlbEntry* entry = GuestAccess.EntryFor(_tlb, (ulong)Memory);
        entry->ReadTag = (ulong)Memory | Cpu->TlbTag;
        entry->WriteTag = (ulong)Memory | Cpu->TlbTag;
    }

    public CpuState* Cpu { get; }

    public byte* Memory { get; }

    public Span<byte> MemoryBytes => new(Memory, MemorySize);

    /// <summary>Decodes and binds an instruction.</summary>
    public Op Bind(byte[] code, ExecutionMode extra = ExecutionMode.None)
    {
        Decoder decoder = Decoder.Create(64, code);
        decoder.Decode(out Instruction instruction);
        BindContext context = new(Cpu->Mode | extra);
        Op op = default;
        op.Length = (byte)instruction.Length;
        op.Position = 1;
        op.Base = CpuState.ZeroOffset;
        op.Index = CpuState.ZeroOffset;
        op.SegmentBase = CpuState.ZeroOffset;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory) Operands.Memory(instruction, context, &op);
            if (instruction.GetOpKind(i) == OpKind.Immediate8) op.Imm = instruction.GetImmediate(i);
        }

        OpTable.Instance.Bind(instruction, context, &op);
        return op;
    }

    /// <summary>Runs it; false when it raised a fault.</summary>
    public bool Run(Op op) => op.Handler(Cpu, &op) == &op + 1;

    public void Dispose()
    {
        NativeMemory.AlignedFree(Cpu);
        NativeMemory.Free(_tlb);
        NativeMemory.AlignedFree(Memory);
    }
}
