using Iced.Intel;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>Reads the bytes of an instruction through the guest's translations and decodes them.</summary>
internal static class InstructionFetch
{
    private const int LongestInstruction = 15;

    /// <summary>Fetches and decodes the instruction at CS:RIP.</summary>
    /// <returns>The bytes (empty when not even the first can be fetched) and the instruction; null when there is none.</returns>
    public static (byte[] Bytes, Instruction? Instruction) At(ProcessorState state, GuestMemory memory, ProcessorLimits processor)
    {
        byte[] bytes = Read(state, memory, processor);
        if (bytes.Length == 0) return (bytes, null);
        Decoder decoder = Decoder.Create(ProcessorMode.Of(state).Bits, new ByteArrayCodeReader(bytes), state.Rip);
        decoder.Decode(out Instruction instruction);
        return instruction.IsInvalid ? (bytes, null) : (bytes[..instruction.Length], instruction);
    }

    /// <summary>An instruction as text.</summary>
    public static string Text(Instruction? instruction)
    {
        if (instruction is null) return "(no valid instruction)";
        StringOutput output = new();
        NasmFormatter formatter = new();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = null;
        formatter.Options.UppercaseHex = false;
        formatter.Options.SmallHexNumbersInDecimal = false;
        formatter.Format(instruction.Value, output);
        return output.ToStringAndReset();
    }

    private static byte[] Read(ProcessorState state, GuestMemory memory, ProcessorLimits processor)
    {
        ulong linear = SegmentExplanation.Of(state).Linear;
        bool user = (state.Cr0 & Cr0.PE) != 0 && state.Segments[Seg.Ss].Dpl == 3;
        PageAccess access = PageAccess.Fetch | PageAccess.LeaveAccessedDirty | (user ? PageAccess.User : 0);
        PagingContext context = PagingContext.From(state, processor.PhysicalAddressBits, processor.GigabytePages);
        GuestTables tables = new(memory);
        byte[] bytes = new byte[LongestInstruction];
        int count = 0;

        // Byte by byte, because an instruction may go on in a page that is mapped elsewhere, or not at all.
        while (count < bytes.Length &&
            PageWalker.Walk(in context, ref tables, linear + (ulong)count, access, out PageWalkResult result) &&
            memory.TryRead(new Gpa(result.Gpa), bytes.AsSpan(count, 1)))
        {
            count++;
        }

        return bytes[..count];
    }
}
