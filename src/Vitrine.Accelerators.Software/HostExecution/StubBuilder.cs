using System.Diagnostics;
using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// Writes the code of stubs: a leaf function <c>(HostFrame* in RDI, CpuState* in RSI)</c> of the System V convention, which loads the
/// registers that the instruction has to do with, executes it, and stores what it wrote. The operand in memory is at [RDI].
/// </summary>
/// <remarks>
/// General registers have other numbers in the stub, so that RSP stays the stack's, RDI and RSI stay the pointers, and no register has to be
/// saved for the caller: RAX, RCX and RDX, which instructions have as implied operands, are themselves, and others become R8 to R11.
/// Vector registers are themselves.
/// </remarks>
internal sealed unsafe class StubBuilder
{
    // SAFETY: writes into its own buffer only, which is bounded by Capacity; offsets are those of fields.

    /// <summary>No stub is longer, in bytes.</summary>
    public const int Capacity = 512;

    private const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;

    private const int Frame = 7;
    private const int Cpu = 6;
    private const int FirstFree = 8;
    private const int LastFree = 11;
    private static readonly int s_vectorsInFrame;
    private static readonly int s_generalInFrame;
    private static readonly int s_flags;
    private static readonly int s_mxcsrBefore;
    private static readonly int s_mxcsrAfter;
    private static readonly int s_mxcsrOfHost;

    private static readonly byte[] s_zeroUpper = [0xC5, 0xF8, 0x77];

    private readonly InstructionInfoFactory _information = new();
    private readonly Buffer _buffer = new();
    private readonly Encoder _encoder;
    private readonly int[] _hostNumbers = new int[Gpr.Count];

    static StubBuilder()
    {
        HostFrame frame;
        s_vectorsInFrame = HostFrame.Offset(&frame, frame.Vectors);
        s_generalInFrame = HostFrame.Offset(&frame, frame.General);
        s_flags = HostFrame.Offset(&frame, &frame.Flags);
        s_mxcsrBefore = HostFrame.Offset(&frame, &frame.MxcsrBefore);
        s_mxcsrAfter = HostFrame.Offset(&frame, &frame.MxcsrAfter);
        s_mxcsrOfHost = HostFrame.Offset(&frame, &frame.MxcsrOfHost);
    }

    /// <summary>Creates the builder.</summary>
    public StubBuilder() => _encoder = Encoder.Create(64, _buffer);

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
        if (touched != 0) PushFlags();
        if (!_encoder.TryEncode(in instruction, 0, out _, out _)) return false;
        StoreResults(touched != 0, in stub);
        return true;
    }

    /// <summary>Builds what stubs go on with that have raised a signal: it returns for them. <see cref="Code"/> is its code, which runs anywhere.</summary>
    /// <param name="frame">The frame that all stubs work on.</param>
    public void BuildLanding(HostFrame* frame)
    {
        _buffer.Clear();

        // MOV RDI, frame. A function is called with bit 3 of RSP set, and stubs push at most once: OR RSP, 8 takes that back.
        _buffer.Write([0x48, 0xBF]);
        _buffer.Write(new ReadOnlySpan<byte>(&frame, sizeof(HostFrame*)));
        _buffer.Write([0x48, 0x83, 0xCC, 0x08]);
        Mxcsr(store: false, s_mxcsrOfHost);
        if (HostProcessor.HasAvx) _buffer.Write(s_zeroUpper);
        _buffer.Write([0xC3]);
    }

    /// <summary>Gives the general registers their numbers in the stub, and the operand in memory its place.</summary>
    private bool TryRename(ref Instruction instruction, ushort general)
    {
        int next = FirstFree;
        for (int i = 0; i < Gpr.Count; i++)
        {
            bool keeps = i is Gpr.Rax or Gpr.Rcx or Gpr.Rdx;
            if ((general & (1 << i)) == 0) continue;
            if (!keeps && next > LastFree) return false;
            _hostNumbers[i] = keeps ? i : next++;
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
                instruction.SetOpRegister(i, register - register.GetNumber() + _hostNumbers[register.GetFullRegister().GetNumber()]);
            }
        }

        return true;
    }

    private void LoadRegisters(ushort general, ushort vectors, in HostStub stub)
    {
        if (stub.UsesMxcsr)
        {
            Mxcsr(store: true, s_mxcsrOfHost);
            Mxcsr(store: false, s_mxcsrBefore);
        }

        for (int rest = vectors; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            Vector(stub.IsVex, store: false, number, Cpu, CpuState.XmmOffset(number));
        }

        for (int rest = general; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            General(store: false, _hostNumbers[number], Cpu, CpuState.GprOffset(number));
        }
    }

    private void StoreResults(bool flags, in HostStub stub)
    {
        if (flags) PopFlags();
        for (int rest = stub.General; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            General(store: true, _hostNumbers[number], Frame, s_generalInFrame + (sizeof(ulong) * number));
        }

        for (int rest = stub.Vectors; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            Vector(stub.IsVex, store: true, number, Frame, s_vectorsInFrame + (32 * number));
        }

        if (stub.UsesMxcsr)
        {
            Mxcsr(store: true, s_mxcsrAfter);
            Mxcsr(store: false, s_mxcsrOfHost);

            // VZEROUPPER: the code of this process is in part SSE, which is slow with upper halves that are in use.
            _buffer.Write(s_zeroUpper);
        }

        // RET
        _buffer.Write([0xC3]);
        Debug.Assert(_buffer.Bytes.Length <= Capacity, "A stub has a few loads and stores around one instruction.");
    }

    /// <summary>VMOVDQU with a YMM register, or MOVUPS with an XMM register.</summary>
    private void Vector(bool isVex, bool store, int number, int @base, int offset)
    {
        byte upper = (byte)(number >> 3);
        if (isVex)
        {
            _buffer.Write([0xC5, (byte)(upper != 0 ? 0x7E : 0xFE), (byte)(store ? 0x7F : 0x6F)]);
        }
        else
        {
            if (upper != 0) _buffer.Write([0x44]);
            _buffer.Write([0x0F, (byte)(store ? 0x11 : 0x10)]);
        }

        Address(number, @base, offset);
    }

    /// <summary>MOV with a 64-bit register.</summary>
    private void General(bool store, int number, int @base, int offset)
    {
        _buffer.Write([(byte)(0x48 | (number >> 3 << 2)), (byte)(store ? 0x89 : 0x8B)]);
        Address(number, @base, offset);
    }

    /// <summary>STMXCSR or LDMXCSR.</summary>
    private void Mxcsr(bool store, int offset)
    {
        _buffer.Write([0x0F, 0xAE]);
        Address(store ? 3 : 2, Frame, offset);
    }

    /// <summary>PUSH; POPFQ.</summary>
    private void PushFlags()
    {
        _buffer.Write([0xFF]);
        Address(6, Frame, s_flags);
        _buffer.Write([0x9D]);
    }

    /// <summary>PUSHFQ; POP.</summary>
    private void PopFlags()
    {
        _buffer.Write([0x9C, 0x8F]);
        Address(0, Frame, s_flags);
    }

    /// <summary>ModRM with a base and a 32-bit displacement.</summary>
    private void Address(int register, int @base, int offset)
    {
        _buffer.Write([(byte)(0x80 | ((register & 7) << 3) | @base)]);
        _buffer.Write([(byte)offset, (byte)(offset >> 8), (byte)(offset >> 16), (byte)(offset >> 24)]);
    }

    /// <summary>The code as it is written, by the encoder too.</summary>
    private sealed class Buffer : CodeWriter
    {
        private readonly byte[] _bytes = new byte[Capacity];
        private int _length;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

        public void Clear() => _length = 0;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
        }

        public override void WriteByte(byte value) => _bytes[_length++] = value;
    }
}
