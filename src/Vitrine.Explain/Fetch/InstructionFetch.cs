using Iced.Intel;
using Vitrine.X86;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>Reads the bytes of an instruction through the guest's translations and decodes them.</summary>
internal static class InstructionFetch
{
    private const int LongestInstruction = 15;

    /// <summary>Fetches and decodes the instruction at CS:RIP.</summary>
    /// <param name="state">The registers.</param>
    /// <param name="memory">Guest memory.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    public static FetchedInstruction At(ProcessorState state, IExplainedMemory memory, ProcessorLimits processor)
    {
        (byte[] bytes, ulong? nextPage, int pageEnd, string stop, byte? fault) = Read(state, memory, processor);
        Decoder decoder = Decoder.Create(ProcessorMode.Of(state).Bits, new ByteArrayCodeReader(bytes), state.Rip);
        decoder.Decode(out Instruction instruction);
        if (!instruction.IsInvalid)
        {
            return new(bytes[..instruction.Length], instruction, instruction.Length > pageEnd ? nextPage : null, "", null);
        }

        bool cutOff = stop.Length > 0 && (bytes.Length == 0 || decoder.LastError == DecoderError.NoMoreBytes);
        if (!cutOff) return new(bytes, null, null, "", ExceptionVector.UD);
        return new(bytes, null, bytes.Length >= pageEnd && bytes.Length > 0 ? nextPage : null, stop, fault);
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
        formatter.Options.BranchLeadingZeros = false;
        formatter.Format(instruction.Value, output);
        return output.ToStringAndReset();
    }

    // Up to 15 bytes; where the first page ends (NextPage is the linear address behind, PageEnd the count of bytes before it); and what ends them early.
    private static (byte[] Bytes, ulong? NextPage, int PageEnd, string Stop, byte? Fault) Read(
        ProcessorState state, IExplainedMemory memory, ProcessorLimits processor)
    {
        const ulong PageOffset = Page.OffsetMask;
        SegmentRegister cs = state.Segments[Seg.Cs];
        bool wide = ProcessorMode.Of(state).Bits == 64;
        PageAccess access = PageAccess.Fetch | PageAccess.LeaveAccessedDirty | (PrivilegeLevel.IsUser(state) ? PageAccess.User : 0);
        PagingContext context = PagingContext.From(state, processor.PhysicalAddressBits, processor.GigabytePages);
        GuestTables tables = new(memory);
        byte[] bytes = new byte[LongestInstruction];
        ulong? nextPage = null;
        int pageEnd = LongestInstruction;
        ulong page = 0;
        for (int count = 0; count < bytes.Length; count++)
        {
            ulong offset = state.Rip + (ulong)count;
            if (!wide && offset > cs.Limit)
            {
                return End(count, $"#GP(0): byte {count + 1} of the instruction, at offset 0x{offset:x}, is beyond the limit of CS, 0x{cs.Limit:x}.", ExceptionVector.GP);
            }

            ulong linear = wide ? offset : (uint)(cs.Base + offset);
            if (wide && !TranslationExplanation.IsCanonical(linear, context.Mode))
            {
                return End(count, $"#GP(0): byte {count + 1} of the instruction is at 0x{linear:x}, which is not canonical.", ExceptionVector.GP);
            }

            if (count == 0 || (linear & PageOffset) == 0)
            {
                // An instruction may go on in a page that is mapped elsewhere, or not at all.
                if (count > 0) (nextPage, pageEnd) = (linear, count);
                if (!PageWalker.Walk(in context, ref tables, linear, access, out PageWalkResult result))
                {
                    return End(count, $"#PF: byte {count + 1} of the instruction, at 0x{linear:x}, can't be fetched.", ExceptionVector.PF);
                }

                page = result.Gpa & ~PageOffset;
            }

            ulong gpa = page | (linear & PageOffset);
            if (!memory.TryRead(new Gpa(gpa), bytes.AsSpan(count, 1)))
            {
                return End(count, $"No memory answers at guest-physical 0x{gpa:x}, so that the bytes aren't known: a board answers with ones, and KVM can't fetch from there.", null);
            }
        }

        return End(LongestInstruction, "", null);

        (byte[], ulong?, int, string, byte?) End(int count, string stop, byte? fault) => (bytes[..count], nextPage, pageEnd, stop, fault);
    }
}
