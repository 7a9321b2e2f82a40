using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>The instructions of a case.</summary>
internal static class InstructionText
{
    /// <summary>As the software CPU decodes without the instructions that the host executes; see <see cref="CodeSelection.Options"/>.</summary>
    public const DecoderOptions Options =
        DecoderOptions.ForceReservedNop | DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd;

    public static List<Instruction> Decode(byte[] code, int bitness, ulong rip, DecoderOptions options)
    {
        Decoder decoder = Decoder.Create(bitness, code, options);
        decoder.IP = rip;
        List<Instruction> instructions = [];
        while (decoder.IP - rip < (ulong)code.Length)
        {
            decoder.Decode(out Instruction instruction);
            instructions.Add(instruction);
            if (instruction.Code == Code.INVALID) break;
        }

        return instructions;
    }
}
