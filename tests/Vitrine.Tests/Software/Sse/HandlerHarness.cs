using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.State;
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

    public void Load(MachineFrame frame)
    {
        for (int i = 0; i < 16; i++)
        {
            Cpu->Gpr[i] = frame.General[i];
            frame.Xmm(i).CopyTo(new Span<byte>((byte*)Cpu + CpuState.XmmOffset(i), 16));
        }

        Cpu->Fcw = MemoryMarshal.Read<ushort>(frame.FxImage);
        Cpu->FpuTop = (byte)(frame.StatusWord >> 11 & 7);
        Cpu->Fsw = (ushort)(frame.StatusWord & ~0x3800);
        Cpu->FpuTag = frame.Pointer[4];
        for (int i = 0; i < 8; i++)
        {
            int physical = (Cpu->FpuTop + i) & 7;
            Cpu->X87[2 * physical] = MemoryMarshal.Read<ulong>(frame.St(i));
            Cpu->X87[(2 * physical) + 1] = MemoryMarshal.Read<ushort>(frame.St(i)[8..]);
        }

        Flags.SetRflags(Cpu, frame.Flags);
    }

    public void Save(MachineFrame frame)
    {
        for (int i = 0; i < 16; i++)
        {
            frame.General[i] = Cpu->Gpr[i];
            new Span<byte>((byte*)Cpu + CpuState.XmmOffset(i), 16).CopyTo(frame.Xmm(i));
        }

        frame.StatusWord = (ushort)(Cpu->Fsw | (Cpu->FpuTop << 11));
        frame.Pointer[4] = Cpu->FpuTag;
        for (int i = 0; i < 8; i++)
        {
            int physical = (Cpu->FpuTop + i) & 7;
            MemoryMarshal.Write(frame.St(i), Cpu->X87[2 * physical]);
            MemoryMarshal.Write(frame.St(i)[8..], (ushort)Cpu->X87[(2 * physical) + 1]);
        }

        frame.Flags = Flags.GetRflags(Cpu);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Cpu);
        NativeMemory.Free(_tlb);
        NativeMemory.AlignedFree(Memory);
    }
}
