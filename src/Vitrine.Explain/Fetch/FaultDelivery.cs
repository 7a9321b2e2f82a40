using System.Buffers.Binary;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>
/// What delivering an exception needs, and where it fails: the way from a fault over a double fault to a shutdown
/// (SDM vol. 3, 6.12 "Exception and Interrupt Handling" and 6.15 "Interrupt 8").
/// </summary>
internal static class FaultDelivery
{
    private const int RealModeGate = 4;
    private const int ProtectedModeGate = 8;
    private const int LongModeGate = 16;

    /// <summary>Follows an interrupt or exception as far as the interrupt descriptor table; what lies behind the gate isn't looked at.</summary>
    /// <param name="state">The registers at the instruction.</param>
    /// <param name="memory">Guest memory.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    /// <param name="vector">The vector.</param>
    /// <param name="software">INT n or INT3 raises it: the gate's DPL counts, and a fault on the way never makes a double fault.</param>
    /// <returns>One sentence for each thing that happens.</returns>
    public static IReadOnlyList<string> Follow(
        ProcessorState state, IExplainedMemory memory, ProcessorLimits processor, byte vector, bool software = false)
    {
        List<string> story = [];
        while (Reach(state, memory, processor, vector, software, story) is { } second)
        {
            if (vector == ExceptionVector.DF && !software)
            {
                story.Add("An exception while delivering a double fault: the processor shuts down. This is a triple fault.");
                return story;
            }

            if (!software && ExceptionVector.MakesDoubleFault(vector, second))
            {
                story.Add($"{Name(second)} while delivering {Name(vector)}: #DF (vector 8) is delivered instead.");
                vector = ExceptionVector.DF;
            }
            else
            {
                story.Add($"{Name(second)} while delivering {(software ? "a software interrupt" : Name(vector))} makes no double fault: {Name(second)} is delivered.");
                vector = second;
            }

            software = false;
        }

        return story;
    }

    // The exception that comes in the way; null when the handler is reached.
    private static byte? Reach(
        ProcessorState state, IExplainedMemory memory, ProcessorLimits processor, byte vector, bool software, List<string> story)
    {
        int size = GateSize(state);
        ulong offset = (ulong)(vector * size);
        string name = software ? $"Vector {vector}" : $"{Name(vector)} (vector {vector})";
        if (offset + (ulong)size - 1 > state.Idtr.Limit)
        {
            story.Add($"{name} needs bytes 0x{offset:x} to 0x{offset + (ulong)size - 1:x} of the interrupt table, whose limit is 0x{state.Idtr.Limit:x}: #GP.");
            return ExceptionVector.GP;
        }

        ulong linear = state.Idtr.Base + offset;
        if (size != LongModeGate) linear = (uint)linear;
        TranslationStory translation = TranslationExplanation.Of(state, memory, processor, linear, PageAccess.Read);
        if (translation.Gpa is not { } gpa)
        {
            story.Add($"{name} is looked up at linear 0x{linear:x} (IDTR base + 0x{offset:x}), through the same page tables: {translation.Outcome}");
            return translation.PageFaultErrorCode is null ? ExceptionVector.GP : ExceptionVector.PF;
        }

        byte[] gate = new byte[size];
        if (!memory.TryRead(new Gpa(gpa), gate))
        {
            gate.AsSpan().Fill(0xFF);
            name += $", looked up at guest-physical 0x{gpa:x} where no memory is and all reads as ones,";
        }

        if (size == RealModeGate) return ReachRealMode(name, linear, gate, story);
        return ReachGate(name, linear, gate, software ? state.Segments[Seg.Ss].Dpl : 0, story);
    }

    private static byte? ReachRealMode(string name, ulong linear, byte[] vector, List<string> story)
    {
        ushort ip = BinaryPrimitives.ReadUInt16LittleEndian(vector);
        ushort cs = BinaryPrimitives.ReadUInt16LittleEndian(vector.AsSpan(2));
        story.Add($"{name} goes through the real-mode vector at linear 0x{linear:x} to {cs:x4}:{ip:x4}. Whether the stack takes the frame isn't looked at here.");
        return null;
    }

    private static byte? ReachGate(string name, ulong linear, byte[] gate, int leastDpl, List<string> story)
    {
        const byte PresentBit = 0x80;
        const byte SystemBit = 0x10;
        const int TaskGate = 5;
        byte access = gate[5];
        int type = access & 0xF;
        bool longMode = gate.Length == LongModeGate;
        bool isGate = (access & SystemBit) == 0 && (type is 14 or 15 || (!longMode && type is TaskGate or 6 or 7));
        bool allowed = ((access >> 5) & 3) >= leastDpl;
        if (!isGate || !allowed || (access & PresentBit) == 0)
        {
            string what = !isGate ? $"not a gate{(longMode ? " of 64-bit mode" : "")}: #GP"
                : !allowed ? $"a gate whose DPL is below the CPL, {leastDpl}, of the INT: #GP"
                : "a gate that is not present: #NP";
            story.Add($"{name}: the descriptor at linear 0x{linear:x} is {Convert.ToHexStringLower(gate)}, {what}.");
            return isGate && allowed ? ExceptionVector.NP : ExceptionVector.GP;
        }

        ushort selector = BinaryPrimitives.ReadUInt16LittleEndian(gate.AsSpan(2));
        if (type == TaskGate)
        {
            story.Add($"{name} goes through the task gate at linear 0x{linear:x} to the task of TSS {selector:x4}, which isn't looked at here.");
            return null;
        }

        ulong target = BinaryPrimitives.ReadUInt16LittleEndian(gate);
        if (type is 14 or 15) target |= (ulong)BinaryPrimitives.ReadUInt16LittleEndian(gate.AsSpan(6)) << 16;
        if (longMode) target |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(gate.AsSpan(8)) << 32;
        story.Add(
            $"{name} goes through the gate at linear 0x{linear:x} to {selector:x4}:{target:x}. What comes next isn't looked at here: " +
            "the code segment's descriptor, the TSS where the stack changes, the pushes, and the handler's first fetch.");
        return null;
    }

    private static int GateSize(ProcessorState state) =>
        (state.Cr0 & Cr0.PE) == 0 ? RealModeGate : (state.Efer & Efer.LMA) != 0 ? LongModeGate : ProtectedModeGate;

    private static string Name(byte vector) => vector switch
    {
        ExceptionVector.DE => "#DE",
        ExceptionVector.UD => "#UD",
        ExceptionVector.DF => "#DF",
        ExceptionVector.NP => "#NP",
        ExceptionVector.SS => "#SS",
        ExceptionVector.GP => "#GP",
        ExceptionVector.PF => "#PF",
        ExceptionVector.DB => "#DB",
        ExceptionVector.BP => "#BP",
        ExceptionVector.TS => "#TS",
        _ => "exception",
    };
}
