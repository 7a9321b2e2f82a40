using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// Writes the code of stubs: a leaf function <c>(HostFrame* in RDI, CpuState* in RSI)</c> of the System V convention, which loads the
/// registers that the instruction has to do with, executes it, and stores what it wrote. The operand in memory is at [RDI].
/// </summary>
/// <remarks>
/// General registers have other numbers in the stub, so that RSP stays the stack's, RDI and RSI stay the pointers, and no register has to
/// be saved for the caller: RAX, RCX and RDX, which instructions have as implied operands, are themselves, and others become R8 to R11.
/// Vector registers are themselves.
/// </remarks>
internal sealed unsafe class StubBuilder
{
    // SAFETY: writes into its own buffer only, which is bounded by Capacity; offsets are those of fields.

    /// <summary>No stub is longer, in bytes.</summary>
    public const int Capacity = 512;

    private const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;

    private const HostRegister Frame = HostRegister.Rdi;
    private const HostRegister Cpu = HostRegister.Rsi;
    private const HostRegister FirstFree = HostRegister.R8;
    private const HostRegister LastFree = HostRegister.R11;

    private readonly InstructionInfoFactory _information = new();
    private readonly Buffer _buffer = new();
    private readonly HostRegister[] _hosts = new HostRegister[Gpr.Count];

    // Made for the first stub: most guests need none early, and Iced makes objects for all instructions then.
    private Encoder? _encoder;

    /// <summary>The bytes of the last stub.</summary>
    public ReadOnlySpan<byte> Code => _buffer.Bytes;

    /// <summary>Builds a stub; <see cref="Code"/> is its code, which runs anywhere.</summary>
    /// <param name="key">The instruction.</param>
    /// <param name="stub">What it writes; <see cref="HostStub.Entry"/> is left null.</param>
    /// <returns>False when the instruction can't be encoded so.</returns>
    public bool TryBuild(StubKey key, out HostStub stub)
    {
        Instruction instruction = key.ToInstruction();
        (ushort general, ushort vectors) = (0, 0);
        stub = new HostStub { Key = key, IsVex = instruction.Encoding == EncodingKind.VEX };
        foreach (UsedRegister used in _information.GetInfo(in instruction, InstructionInfoOptions.NoMemoryUsage).GetUsedRegisters())
        {
            bool writes = used.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if (used.Register.IsVectorRegister())
            {
                ushort bit = (ushort)(1 << used.Register.GetNumber());
                vectors |= bit;
                if (writes) stub.Vectors |= bit;
            }
            else if (used.Register.IsGPR())
            {
                ushort bit = (ushort)(1 << used.Register.GetFullRegister().GetNumber());
                general |= bit;
                if (writes) stub.General |= bit;
            }
        }

        RflagsBits touched = (instruction.RflagsRead | instruction.RflagsModified) & ArithmeticFlags;
        stub.WritesFlags = (instruction.RflagsModified & ArithmeticFlags) != 0;
        stub.UsesMxcsr = stub.IsVex && HostBinder.UsesVectors(in instruction);
        if (!TryRename(ref instruction, general)) return false;
        _buffer.Clear();
        LoadRegisters(general, vectors, in stub);
        if (touched != 0) LoadFlags();
        _encoder ??= Encoder.Create(64, _buffer);
        if (!_encoder.TryEncode(in instruction, 0, out _, out _)) return false;
        StoreResults(touched != 0, in stub);
        return true;
    }

    /// <summary>
    /// Builds what stubs go on with that have raised a signal: it returns for them. <see cref="Code"/> is its code, which runs anywhere.
    /// </summary>
    /// <param name="frame">The frame that all stubs work on.</param>
    public void BuildLanding(HostFrame* frame)
    {
        _buffer.Clear();

        ref CodeEmitter asm = ref _buffer.Emitter;
        asm.Movabs(Frame, (ulong)frame);

        // A function is called with bit 3 of RSP set, and stubs push at most once: this takes that back.
        asm.Or(HostRegister.Rsp, 8);
        asm.Ldmxcsr(InFrame(HostFrame.Offsets.MxcsrOfHost));
        if (HostProcessor.HasAvx) asm.Vzeroupper();
        asm.Ret();
    }

    /// <summary>Gives the general registers their numbers in the stub, and the operand in memory its place.</summary>
    private bool TryRename(ref Instruction instruction, ushort general)
    {
        HostRegister next = FirstFree;
        for (int i = 0; i < Gpr.Count; i++)
        {
            bool keeps = i is Gpr.Rax or Gpr.Rcx or Gpr.Rdx;
            if ((general & (1 << i)) == 0) continue;
            if (!keeps && next > LastFree) return false;
            _hosts[i] = keeps ? (HostRegister)i : next++;
        }

        for (int i = 0; i < instruction.OpCount; i++)
        {
            Register register = instruction.GetOpKind(i) == OpKind.Register ? instruction.GetOpRegister(i) : Register.None;
            if (instruction.GetOpKind(i) == OpKind.Memory)
            {
                instruction.MemoryBase = Register.RDI;
                instruction.MemoryDisplSize = 0;
            }
            else if (register.IsGPR())
            {
                instruction.SetOpRegister(i, register - register.GetNumber() + (int)_hosts[register.GetFullRegister().GetNumber()]);
            }
        }

        return true;
    }

    private void LoadRegisters(ushort general, ushort vectors, in HostStub stub)
    {
        ref CodeEmitter asm = ref _buffer.Emitter;
        if (stub.UsesMxcsr)
        {
            asm.Stmxcsr(InFrame(HostFrame.Offsets.MxcsrOfHost));
            asm.Ldmxcsr(InFrame(HostFrame.Offsets.MxcsrBefore));
        }

        for (int rest = vectors; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            HostOperand register = new(Cpu, CpuState.XmmOffset(number));
            if (stub.IsVex) asm.Vmovdqu(number, register);
            else asm.Movups(number, register);
        }

        for (int rest = general; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            asm.Mov(_hosts[number], new HostOperand(Cpu, CpuState.GprOffset(number)));
        }
    }

    private void StoreResults(bool flags, in HostStub stub)
    {
        ref CodeEmitter asm = ref _buffer.Emitter;
        if (flags) StoreFlags();
        for (int rest = stub.General; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            asm.Mov(InFrame(HostFrame.Offsets.General + (sizeof(ulong) * number)), _hosts[number]);
        }

        for (int rest = stub.Vectors; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            HostOperand result = InFrame(HostFrame.Offsets.Vectors + (32 * number));
            if (stub.IsVex) asm.Vmovdqu(result, number);
            else asm.Movups(result, number);
        }

        if (stub.UsesMxcsr)
        {
            asm.Stmxcsr(InFrame(HostFrame.Offsets.MxcsrAfter));
            asm.Ldmxcsr(InFrame(HostFrame.Offsets.MxcsrOfHost));

            // The code of this process is in part SSE, which is slow with upper halves that are in use.
            asm.Vzeroupper();
        }

        asm.Ret();
        Debug.Assert(_buffer.Bytes.Length <= Capacity, "A stub has a few loads and stores around one instruction.");
    }

    private void LoadFlags()
    {
        _buffer.Emitter.Push(InFrame(HostFrame.Offsets.Flags));
        _buffer.Emitter.Popfq();
    }

    private void StoreFlags()
    {
        _buffer.Emitter.Pushfq();
        _buffer.Emitter.Pop(InFrame(HostFrame.Offsets.Flags));
    }

    private static HostOperand InFrame(int offset) => new(Frame, offset);

    /// <summary>The code as it is written: by an emitter, and at the same place by Iced's encoder.</summary>
    private sealed class Buffer : CodeWriter
    {
        // SAFETY: the array is pinned for as long as it lives, and this object holds it.
        private readonly byte[] _bytes = GC.AllocateArray<byte>(Capacity, pinned: true);

        public CodeEmitter Emitter;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, (int)(Emitter.Position - Start));

        private byte* Start => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_bytes));

        public void Clear() => Emitter = new CodeEmitter(Start);

        public override void WriteByte(byte value) => Emitter.Byte(value);
    }
}
