using System.Buffers.Binary;
using Vitrine.Explain.Model;
using Vitrine.Memory;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86;

namespace Vitrine.Explain.Fetch;

/// <summary>
/// What delivering an exception needs, and where it fails: the way from a fault over a double fault to a shutdown
/// (SDM vol. 3, 6.15 "Interrupt 8").
/// </summary>
internal static class FaultDelivery
{
    private const int RealModeGate = 4;
    private const int ProtectedModeGate = 8;
    private const int LongModeGate = 16;

    /// <summary>Follows an exception as far as the interrupt descriptor table.</summary>
    /// <param name="state">The registers at the faulting instruction.</param>
    /// <param name="memory">Guest memory.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    /// <param name="vector">The exception.</param>
    /// <returns>One sentence for each thing that happens.</returns>
    public static IReadOnlyList<string> Follow(ProcessorState state, GuestMemory memory, ProcessorLimits processor, byte vector)
    {
        List<string> story = [];
        if (TryReach(state, memory, processor, vector, story) || vector == ExceptionVector.DF) return story;
        story.Add("An exception while delivering an exception: #DF (vector 8) is delivered instead.");
        if (TryReach(state, memory, processor, ExceptionVector.DF, story)) return story;
        story.Add("An exception while delivering a double fault: the processor shuts down. This is a triple fault.");
        return story;
    }

    private static bool TryReach(ProcessorState state, GuestMemory memory, ProcessorLimits processor, byte vector, List<string> story)
    {
        int size = GateSize(state);
        ulong offset = (ulong)(vector * size);
        string name = $"{Name(vector)} (vector {vector})";
        if (offset + (ulong)size - 1 > state.Idtr.Limit)
        {
            story.Add($"{name} needs bytes 0x{offset:x} to 0x{offset + (ulong)size - 1:x} of the interrupt table, whose limit is 0x{state.Idtr.Limit:x}: #GP.");
            return false;
        }

        ulong linear = state.Idtr.Base + offset;
        TranslationStory translation = TranslationExplanation.Of(state, memory, processor, linear, PageAccess.Read);
        if (translation.Gpa is not { } gpa)
        {
            story.Add($"{name} is looked up at linear 0x{linear:x} (IDTR base + 0x{offset:x}), through the same page tables: {translation.Outcome}");
            return false;
        }

        byte[] gate = new byte[size];
        if (!memory.TryRead(new Gpa(gpa), gate))
        {
            story.Add($"{name} is looked up at linear 0x{linear:x}, guest-physical 0x{gpa:x}, where there is no memory.");
            return false;
        }

        return size == RealModeGate ? ReachRealMode(name, linear, gate, story) : ReachGate(name, linear, gate, story);
    }

    private static bool ReachRealMode(string name, ulong linear, byte[] vector, List<string> story)
    {
        ushort ip = BinaryPrimitives.ReadUInt16LittleEndian(vector);
        ushort cs = BinaryPrimitives.ReadUInt16LittleEndian(vector.AsSpan(2));
        story.Add($"{name} goes through the real-mode vector at linear 0x{linear:x} to {cs:x4}:{ip:x4}.");
        return true;
    }

    private static bool ReachGate(string name, ulong linear, byte[] gate, List<string> story)
    {
        const byte PresentBit = 0x80;
        const byte SystemBit = 0x10;
        byte access = gate[5];
        int type = access & 0xF;
        bool isGate = (access & SystemBit) == 0 && type is 5 or 6 or 7 or 14 or 15;
        if (!isGate || (access & PresentBit) == 0)
        {
            story.Add($"{name}: the descriptor at linear 0x{linear:x} is {Convert.ToHexStringLower(gate)}, {(isGate ? "a gate that is not present: #NP" : "not a gate: #GP")}.");
            return false;
        }

        ushort selector = BinaryPrimitives.ReadUInt16LittleEndian(gate.AsSpan(2));
        ulong target = BinaryPrimitives.ReadUInt16LittleEndian(gate) | ((ulong)BinaryPrimitives.ReadUInt16LittleEndian(gate.AsSpan(6)) << 16);
        if (gate.Length == LongModeGate) target |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(gate.AsSpan(8)) << 32;
        story.Add($"{name} goes through the gate at linear 0x{linear:x} to {selector:x4}:{target:x}.");
        return true;
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
        _ => "exception",
    };
}
