using Iced.Intel;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Xunit;

namespace Vitrine.Tests.Software.Translator;

/// <summary>What the tables say of copied instructions, against Iced's own knowledge of them.</summary>
public sealed class InstructionShapeTests
{
    private const int Cases = 1_000_000;

    /// <summary>A write to memory that the table doesn't know of would go through a check for reading.</summary>
    [Fact]
    public void MemoryThatIsWrittenIsKnownToBe()
    {
        HashSet<Code> seen = [];
        foreach ((Instruction instruction, InstructionInfo info) in Copied())
        {
            if (InstructionShapes.Of(instruction.Code) is not { HasModRm: true } shape) continue;
            foreach (UsedMemory used in info.GetUsedMemory())
            {
                bool writes = used.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
                seen.Add(instruction.Code);
                Assert.True(writes == shape.WritesRm, $"{instruction}: {used.Access}");
            }
        }

        Assert.True(seen.Count > 300, $"{seen.Count} codes");
    }

    /// <summary>The host's vector registers are the guest's only behind a check that such instructions make.</summary>
    [Fact]
    public void VectorAndX87RegistersAreKnownToBeUsed()
    {
        HashSet<Code> seen = [];
        foreach ((Instruction instruction, InstructionInfo info) in Copied())
        {
            InstructionShape shape = InstructionShapes.Of(instruction.Code);
            foreach (UsedRegister used in info.GetUsedRegisters())
            {
                seen.Add(instruction.Code);
                if (used.Register.IsXMM() || used.Register.IsYMM()) Assert.True(shape.IsVector, $"{instruction}");
                if (used.Register.IsMM() || used.Register.IsST()) Assert.True(shape.IsX87, $"{instruction}");
            }
        }

        Assert.True(seen.Count > 500, $"{seen.Count} codes");
    }

    /// <summary>Random instructions of 64-bit code that are written again with other operands.</summary>
    private static IEnumerable<(Instruction Instruction, InstructionInfo Info)> Copied()
    {
        InstructionInfoFactory factory = new();
        Random random = new(11);
        byte[] bytes = new byte[15];
        for (int i = 0; i < Cases; i++)
        {
            random.NextBytes(bytes);
            if (i % 3 == 0) bytes[0] = 0x0F;
            if (i % 3 == 1) bytes[0] = (byte)(0xC4 + (i & 1));
            Decoder decoder = Decoder.Create(64, bytes);
            Instruction instruction = decoder.Decode();
            if (instruction.IsInvalid || InstructionShapes.Of(instruction.Code).Kind != InstructionKind.Copied) continue;
            yield return (instruction, factory.GetInfo(instruction));
        }
    }
}
