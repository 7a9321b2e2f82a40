using Iced.Intel;
using Vitrine.Explain.Model;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>The whole way from CS:RIP to a decoded instruction, or to what stops it.</summary>
internal static class FetchExplanation
{
    /// <summary>Explains the next fetch of a machine's first vCPU.</summary>
    /// <param name="machine">The machine; not running.</param>
    /// <param name="state">The registers.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    /// <param name="instruction">The instruction; null when there is none.</param>
    public static FetchStory Of(VirtualMachine machine, ProcessorState state, ProcessorLimits processor, out Instruction? instruction) => Of(
        new MachineMemory(machine.Memory),
        translation => AcceleratorTranslation.Add(machine, translation, isFetch: true, vcpu: 0),
        state,
        processor,
        out instruction);

    /// <summary>Explains the next fetch of a state.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="accelerator">Adds what the accelerator has to say of the address.</param>
    /// <param name="state">The registers.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    /// <param name="instruction">The instruction; null when there is none.</param>
    public static FetchStory Of(
        IExplainedMemory memory, Func<TranslationStory, TranslationStory> accelerator, ProcessorState state, ProcessorLimits processor, out Instruction? instruction)
    {
        instruction = null;
        SegmentFact segment = SegmentExplanation.Of(state);
        if (segment.Fault.Length > 0)
        {
            return new FetchStory(segment, null, "", "") { Delivery = FaultDelivery.Follow(state, memory, processor, ExceptionVector.GP) };
        }

        PageAccess access = PageAccess.Fetch | (PrivilegeLevel.IsUser(state) ? PageAccess.User : 0);
        TranslationStory translation = TranslationExplanation.Of(state, memory, processor, segment.Linear, access);
        translation = accelerator(translation);
        if (translation.Gpa is null)
        {
            byte vector = translation.PageFaultErrorCode is null ? ExceptionVector.GP : ExceptionVector.PF;
            return new FetchStory(segment, translation, "", "") { Delivery = FaultDelivery.Follow(state, memory, processor, vector) };
        }

        FetchedInstruction fetched = InstructionFetch.At(state, memory, processor);
        instruction = fetched.Instruction;
        return new FetchStory(segment, translation, Convert.ToHexStringLower(fetched.Bytes), fetched.Stop.Length > 0 ? "" : InstructionFetch.Text(instruction))
        {
            Rest = fetched.Rest is { } next ? TranslationExplanation.Of(state, memory, processor, next, access) : null,
            Stop = fetched.Stop,
            Delivery = fetched.Fault is { } fault ? FaultDelivery.Follow(state, memory, processor, fault) : [],
        };
    }
}
