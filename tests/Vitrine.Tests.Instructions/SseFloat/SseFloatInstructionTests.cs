using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Tests.Software.FloatingPoint;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.SseFloat;

/// <summary>
/// Every floating-point SSE instruction on the software CPU and on the host, register and memory form, from the same random operands
/// and MXCSR: registers, flags and MXCSR afterwards are the same.
/// </summary>
public sealed class SseFloatInstructionTests
{
    private const int Seed = 20260121;
    private const int Cases = 120;
    private const ulong Osfxsr = 0x200;
    private const ulong Osxmmexcpt = 0x400;

    private const int Mxcsr = 0x00;
    private const int MxcsrAfter = 0x04;
    private const int Eflags = 0x08;
    private const int EflagsAfter = 0x0C;
    private const int First = 0x10;
    private const int Second = 0x20;
    private const int Result = 0x30;
    private const int MmxResult = 0x40;
    private const int General = 0x48;
    private const int Size = 0x50;

    /// <summary>Prefix and opcode, and the immediate where there is one (-1: none). What the operands are: s single, d double, i integer.</summary>
    private static readonly Dictionary<string, (byte[] Opcode, int Immediate, char Kind)> Encodings = Build();

    public static TheoryData<string, bool> Names()
    {
        TheoryData<string, bool> data = [];
        foreach (string name in Encodings.Keys)
        {
            data.Add(name, false);
            data.Add(name, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StateAfterwardsIsTheHosts(string name, bool memory)
    {
        Assert.SkipUnless(HostRoutine.IsAvailable, HostRoutine.Missing);
        (byte[] opcode, int immediate, char kind) = Encodings[name];
        using HostRoutine host = new(Code(64, opcode, immediate, memory));
        using GuestRoutine guest = new(Code(16, opcode, immediate, memory), Osfxsr | Osxmmexcpt);
        RandomOperands operands = new(Seed);
        // The memory operand of a packed instruction must be aligned.
        byte[] buffer = GC.AllocateArray<byte>(Size + 16, pinned: true);
        int offset = Alignment(buffer);
        Span<byte> expected = buffer.AsSpan(offset, Size);
        byte[] actual = new byte[Size];
        for (int i = 0; i < Cases; i++)
        {
            Fill(operands, kind, expected);
            expected.CopyTo(actual);
            byte[] before = expected.ToArray();
            host.Run(expected);
            guest.Run(actual);
            if (name.StartsWith("dpp", StringComparison.Ordinal)) AgreeOnNaN(kind == 'd' ? 8 : 4, expected, actual);
            if (!expected.SequenceEqual(actual))
            {
                Assert.Fail($"{name}, memory {memory}, seed {Seed}, case {i}\nbefore {Convert.ToHexString(before)}\n"
                    + $"host   {Convert.ToHexString(expected)}\nours   {Convert.ToHexString(actual)}");
            }
        }
    }

    /// <summary>
    /// Which NaN a dot product gives when several meet depends on the order of the additions, in which processors differ: Intel's give different ones in different
    /// lanes of one result. It is one of the operands', made quiet, or the default one.
    /// </summary>
    private static void AgreeOnNaN(int width, ReadOnlySpan<byte> host, Span<byte> ours)
    {
        HashSet<ulong> candidates = [width == 8 ? 0xFFF8_0000_0000_0000 : 0xFFC0_0000];
        for (int at = First; at < Result; at += width)
        {
            if (IsNaN(Lane(host, at, width), width)) candidates.Add(Lane(host, at, width) | (width == 8 ? 1UL << 51 : 1UL << 22));
        }

        for (int at = Result; at < MmxResult; at += width)
        {
            (ulong expected, ulong actual) = (Lane(host, at, width), Lane(ours, at, width));
            if (candidates.Contains(expected) && candidates.Contains(actual)) host.Slice(at, width).CopyTo(ours[at..]);
        }
    }

    private static ulong Lane(ReadOnlySpan<byte> frame, int at, int width) =>
        width == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(frame[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(frame[at..]);

    private static bool IsNaN(ulong lane, int width) =>
        width == 8 ? double.IsNaN(BitConverter.UInt64BitsToDouble(lane)) : float.IsNaN(BitConverter.UInt32BitsToSingle((uint)lane));

    /// <summary>The relative error that RCPPS and RSQRTPS may have is 1.5 * 2^-12 (SDM vol. 2); the last bits differ between processors.</summary>
    [Theory]
    [InlineData(0x53, false)]
    [InlineData(0x52, true)]
    public void ApproximationsAreWithinTheirTolerance(byte opcode, bool isRoot)
    {
        using GuestRoutine guest = new(Code(16, [0x0F, opcode], -1, false), Osfxsr);
        RandomOperands operands = new(Seed);
        byte[] frame = new byte[Size];
        for (int i = 0; i < Cases; i++)
        {
            Fill(operands, 's', frame);
            guest.Run(frame);
            for (int lane = 0; lane < 4; lane++)
            {
                float x = BinaryPrimitives.ReadSingleLittleEndian(frame.AsSpan(Second + (lane * 4)));
                float y = BinaryPrimitives.ReadSingleLittleEndian(frame.AsSpan(Result + (lane * 4)));
                double exact = isRoot ? 1 / Math.Sqrt(x) : 1.0 / x;
                if (!float.IsNormal(x) || !float.IsNormal((float)exact)) continue;
                Assert.True(Math.Abs(y - exact) <= 1.5 / 4096 * Math.Abs(exact), $"{x:R}: {y:R}, exactly {exact:R}");
            }
        }
    }

    [Theory]
    // operand, reciprocal, reciprocal root (SDM vol. 2, RCPSS and RSQRTSS)
    [InlineData(0x0000_0000u, 0x7F80_0000u, 0x7F80_0000u)]
    [InlineData(0x8000_0000u, 0xFF80_0000u, 0xFF80_0000u)]
    [InlineData(0x0000_0001u, 0x7F80_0000u, 0x7F80_0000u)]
    [InlineData(0x8000_0001u, 0xFF80_0000u, 0xFF80_0000u)]
    [InlineData(0x7F80_0000u, 0x0000_0000u, 0x0000_0000u)]
    [InlineData(0xFF80_0000u, 0x8000_0000u, 0xFFC0_0000u)]
    [InlineData(0x7F80_0001u, 0x7FC0_0001u, 0x7FC0_0001u)]
    [InlineData(0xFFC0_1234u, 0xFFC0_1234u, 0xFFC0_1234u)]
    [InlineData(0xFF7F_FFFFu, 0x8000_0000u, 0xFFC0_0000u)]
    public void ApproximationsOfSpecialValues(uint operand, uint reciprocal, uint root)
    {
        Assert.Equal(reciprocal, Approximate(0x53, operand));
        Assert.Equal(root, Approximate(0x52, operand));
    }

    /// <summary>#XM with OSXMMEXCPT, #UD without, destination unchanged and flags set.</summary>
    [Theory]
    [InlineData(Osfxsr | Osxmmexcpt)]
    [InlineData(Osfxsr)]
    public void UnmaskedExceptionsFaultAndStoreNothing(ulong cr4)
    {
        using GuestRoutine guest = new(Code(16, [0xF2, 0x0F, 0x5E], -1, false), cr4);
        byte[] frame = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(Mxcsr), 0x1D80);
        BinaryPrimitives.WriteDoubleLittleEndian(frame.AsSpan(First), 1.0);
        frame.AsSpan(Result, 16).Fill(0x77);
        guest.Run(frame);
        Assert.All(frame[Result..(Result + 16)], b => Assert.Equal(0x77, b));
        ProcessorState state = guest.GetState();
        Assert.Equal(0x1D84u, state.Fpu.Mxcsr);
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(frame.AsSpan(First)), (ulong)state.Fpu.Xmm[0]);
    }

    private static uint Approximate(byte opcode, uint operand)
    {
        using GuestRoutine guest = new(Code(16, [0xF3, 0x0F, opcode], -1, false), Osfxsr);
        byte[] frame = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(Mxcsr), 0x1F80);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(Second), operand);
        guest.Run(frame);
        Assert.Equal(0x1F80u, BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(MxcsrAfter)));
        return BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(Result));
    }

    private static Dictionary<string, (byte[] Opcode, int Immediate, char Kind)> Build()
    {
        Dictionary<string, (byte[], int, char)> table = [];
        (string Name, byte Opcode)[] families =
        [
            ("sqrt", 0x51), ("add", 0x58), ("mul", 0x59), ("sub", 0x5C), ("min", 0x5D), ("div", 0x5E), ("max", 0x5F),
        ];
        foreach ((string name, byte opcode) in families)
        {
            table[name + "ps"] = ([0x0F, opcode], -1, 's');
            table[name + "pd"] = ([0x66, 0x0F, opcode], -1, 'd');
            table[name + "ss"] = ([0xF3, 0x0F, opcode], -1, 's');
            table[name + "sd"] = ([0xF2, 0x0F, opcode], -1, 'd');
        }

        for (int predicate = 0; predicate < 8; predicate++)
        {
            table[$"cmpps {predicate}"] = ([0x0F, 0xC2], predicate, 's');
            table[$"cmppd {predicate}"] = ([0x66, 0x0F, 0xC2], predicate, 'd');
            table[$"cmpss {predicate}"] = ([0xF3, 0x0F, 0xC2], predicate, 's');
            table[$"cmpsd {predicate}"] = ([0xF2, 0x0F, 0xC2], predicate, 'd');
        }

        foreach (int mode in (int[])[0, 1, 2, 3, 4, 9])
        {
            table[$"roundps {mode}"] = ([0x66, 0x0F, 0x3A, 0x08], mode, 's');
            table[$"roundpd {mode}"] = ([0x66, 0x0F, 0x3A, 0x09], mode, 'd');
            table[$"roundss {mode}"] = ([0x66, 0x0F, 0x3A, 0x0A], mode, 's');
            table[$"roundsd {mode}"] = ([0x66, 0x0F, 0x3A, 0x0B], mode, 'd');
        }

        foreach (int control in (int[])[0xFF, 0x71, 0xB5, 0x3F])
        {
            table[$"dpps {control:x}"] = ([0x66, 0x0F, 0x3A, 0x40], control, 's');
            table[$"dppd {control:x}"] = ([0x66, 0x0F, 0x3A, 0x41], control, 'd');
        }

        table["haddps"] = ([0xF2, 0x0F, 0x7C], -1, 's');
        table["haddpd"] = ([0x66, 0x0F, 0x7C], -1, 'd');
        table["hsubps"] = ([0xF2, 0x0F, 0x7D], -1, 's');
        table["hsubpd"] = ([0x66, 0x0F, 0x7D], -1, 'd');
        table["addsubps"] = ([0xF2, 0x0F, 0xD0], -1, 's');
        table["addsubpd"] = ([0x66, 0x0F, 0xD0], -1, 'd');
        table["ucomiss"] = ([0x0F, 0x2E], -1, 's');
        table["ucomisd"] = ([0x66, 0x0F, 0x2E], -1, 'd');
        table["comiss"] = ([0x0F, 0x2F], -1, 's');
        table["comisd"] = ([0x66, 0x0F, 0x2F], -1, 'd');
        table["cvtps2pd"] = ([0x0F, 0x5A], -1, 's');
        table["cvtpd2ps"] = ([0x66, 0x0F, 0x5A], -1, 'd');
        table["cvtss2sd"] = ([0xF3, 0x0F, 0x5A], -1, 's');
        table["cvtsd2ss"] = ([0xF2, 0x0F, 0x5A], -1, 'd');
        table["cvtdq2ps"] = ([0x0F, 0x5B], -1, 'i');
        table["cvtps2dq"] = ([0x66, 0x0F, 0x5B], -1, 's');
        table["cvttps2dq"] = ([0xF3, 0x0F, 0x5B], -1, 's');
        table["cvttpd2dq"] = ([0x66, 0x0F, 0xE6], -1, 'd');
        table["cvtdq2pd"] = ([0xF3, 0x0F, 0xE6], -1, 'i');
        table["cvtpd2dq"] = ([0xF2, 0x0F, 0xE6], -1, 'd');
        table["cvtpi2ps"] = ([0x0F, 0x2A], -1, 'i');
        table["cvtpi2pd"] = ([0x66, 0x0F, 0x2A], -1, 'i');
        table["cvtsi2ss"] = ([0xF3, 0x0F, 0x2A], -1, 'i');
        table["cvtsi2sd"] = ([0xF2, 0x0F, 0x2A], -1, 'i');
        table["cvttps2pi"] = ([0x0F, 0x2C], -1, 's');
        table["cvttpd2pi"] = ([0x66, 0x0F, 0x2C], -1, 'd');
        table["cvttss2si"] = ([0xF3, 0x0F, 0x2C], -1, 's');
        table["cvttsd2si"] = ([0xF2, 0x0F, 0x2C], -1, 'd');
        table["cvtps2pi"] = ([0x0F, 0x2D], -1, 's');
        table["cvtpd2pi"] = ([0x66, 0x0F, 0x2D], -1, 'd');
        table["cvtss2si"] = ([0xF3, 0x0F, 0x2D], -1, 's');
        table["cvtsd2si"] = ([0xF2, 0x0F, 0x2D], -1, 'd');
        return table;
    }

    /// <summary>The same code for both sides: register 0 is the destination, register 1 the source, of whatever file.</summary>
    private static Assembler Code(int bitness, byte[] opcode, int immediate, bool memory)
    {
        Assembler a = new(bitness);
        AssemblerMemoryOperand At(AssemblerMemoryOperandFactory factory, int offset) =>
            bitness == 64 ? factory[rdi + offset] : factory[GuestRoutine.Data + offset];

        a.fninit();
        if (bitness == 64) a.stmxcsr(__dword_ptr[rsp - 8]);
        a.ldmxcsr(At(__dword_ptr, Mxcsr));
        a.movups(xmm0, At(__xmmword_ptr, First));
        a.movups(xmm1, At(__xmmword_ptr, Second));
        a.movq(mm0, At(__qword_ptr, First));
        a.movq(mm1, At(__qword_ptr, Second));
        a.mov(ecx, At(__dword_ptr, Second));
        a.mov(eax, At(__dword_ptr, Eflags));
        a.sahf();
        a.db(opcode);
        if (!memory)
        {
            a.db(0xC1);
        }
        else if (bitness == 64)
        {
            a.db(0x47, Second);
        }
        else
        {
            a.db(0x06, unchecked((byte)(GuestRoutine.Data + Second)), (GuestRoutine.Data + Second) >> 8);
        }

        if (immediate >= 0) a.db((byte)immediate);
        a.mov(At(__dword_ptr, General), eax);
        a.lahf();
        a.mov(At(__word_ptr, EflagsAfter), ax);
        a.movups(At(__xmmword_ptr, Result), xmm0);
        a.movq(At(__qword_ptr, MmxResult), mm0);
        a.stmxcsr(At(__dword_ptr, MxcsrAfter));
        if (bitness == 64)
        {
            a.ldmxcsr(__dword_ptr[rsp - 8]);
            a.emms();
            a.ret();
        }

        return a;
    }

    private static void Fill(RandomOperands operands, char kind, Span<byte> frame)
    {
        frame.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(frame[Mxcsr..], operands.Mxcsr());
        frame[Eflags + 1] = (byte)(operands.Next(256) & 0xD5 | 2);
        for (int i = 0; i < 4; i++)
        {
            Span<byte> first = frame[(First + (i * 4))..];
            Span<byte> second = frame[(Second + (i * 4))..];
            if (kind == 's')
            {
                uint x = (uint)operands.Single();
                BinaryPrimitives.WriteUInt32LittleEndian(first, x);
                BinaryPrimitives.WriteUInt32LittleEndian(second, (uint)operands.Near(x, isDouble: false));
            }
            else if (kind == 'i')
            {
                BinaryPrimitives.WriteInt32LittleEndian(first, (int)operands.NextInteger());
                BinaryPrimitives.WriteInt32LittleEndian(second, (int)operands.NextInteger());
            }
            else if ((i & 1) == 0)
            {
                ulong x = operands.Double();
                BinaryPrimitives.WriteUInt64LittleEndian(first, x);
                BinaryPrimitives.WriteUInt64LittleEndian(second, operands.Near(x, isDouble: true));
            }
        }
    }

    private static unsafe int Alignment(byte[] pinned)
    {
        // SAFETY: the array is pinned, only its address is looked at.
        fixed (byte* start = pinned) return (int)(-(nint)start & 15);
    }
}
