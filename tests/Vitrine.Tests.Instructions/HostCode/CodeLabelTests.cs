using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Xunit;

namespace Vitrine.Tests.Software.HostCode;

/// <summary>Branches to labels, and to known places: where they lead.</summary>
public sealed unsafe class CodeLabelTests
{
    // SAFETY: a few instructions, below Bytes.
    private const int Bytes = 256;

    private readonly byte[] _code = GC.AllocateArray<byte>(Bytes, pinned: true);

    private byte* Start => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _code[0]);

    [Fact]
    public void AllBranchesToALabelLeadToWhereItIsBound()
    {
        CodeEmitter asm = new(Start);
        CodeLabel label = default;
        asm.Jcc(Condition.Below, ref label);
        asm.Jmp(ref label);
        asm.Ret();
        asm.Jcc(Condition.Greater, ref label);
        byte* field = asm.Position - sizeof(int);
        Assert.True(label.LastBranch == field && label.Target == null);
        byte* bound = asm.Position;
        asm.Bind(ref label);
        asm.Ret();
        asm.Jcc(Condition.Parity, ref label);
        asm.Jmp(ref label);
        Assert.True(label.Target == bound);
        ulong target = (ulong)(bound - Start);
        (Mnemonic, ulong)[] expected =
        [
            (Mnemonic.Jb, target), (Mnemonic.Jmp, target), (Mnemonic.Ret, 0), (Mnemonic.Jg, target), (Mnemonic.Ret, 0),
            (Mnemonic.Jp, target), (Mnemonic.Jmp, target),
        ];
        Assert.Equal(expected, Branches(asm.Position));
    }

    [Fact]
    public void ALabelWithoutBranchesIsBoundLikeAnyOther()
    {
        CodeEmitter asm = new(Start);
        CodeLabel label = default;
        asm.Ret();
        asm.Bind(ref label);
        Assert.True(label.Target == Start + 1 && label.LastBranch == null);
    }

    [Fact]
    public void BranchesToKnownPlacesLeadThere()
    {
        foreach (Condition condition in Enum.GetValues<Condition>())
        {
            CodeEmitter asm = new(Start + 100);
            asm.Jcc(condition, Start + 7);
            asm.Jmp(Start + 8);
            asm.Call(Start + 200);
            (Mnemonic, ulong)[] branches = Branches(asm.Position, 100);
            Assert.Equal((Mnemonic.Jmp, 8UL), branches[1]);
            Assert.Equal((Mnemonic.Call, 200UL), branches[2]);
            Assert.Equal(7UL, branches[0].Item2);
            Assert.Equal($"j{InstructionText.Name(condition)}", branches[0].Item1.ToString().ToLowerInvariant());
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 63)]
    [InlineData(64, 0)]
    public void AlignmentLeavesOutWhatTraps(int from, int skipped)
    {
        byte* aligned = (byte*)(((ulong)Start + 63) & ~63UL);
        CodeEmitter asm = new(aligned + from);
        asm.Align(64);
        Assert.True(aligned + from + skipped == asm.Position);
        for (int i = 0; i < skipped; i++) Assert.Equal(0xCC, aligned[from + i]);
    }

    private (Mnemonic Mnemonic, ulong Target)[] Branches(byte* end, int from = 0)
    {
        Decoder decoder = Decoder.Create(64, _code.AsSpan(from, (int)(end - Start) - from).ToArray());
        decoder.IP = (ulong)from;
        List<(Mnemonic, ulong)> branches = [];
        while (decoder.IP < (ulong)(end - Start))
        {
            Instruction instruction = decoder.Decode();
            branches.Add((instruction.Mnemonic, instruction.Mnemonic == Mnemonic.Ret ? 0 : instruction.NearBranchTarget));
        }

        return [.. branches];
    }
}
