using Iced.Intel;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Explain.Execution;

/// <summary>
/// The memory that an instruction is about to write: where it lies follows from its operands and the registers; what stands there is read
/// before and after.
/// </summary>
internal sealed class MemoryWatch
{
    private const int LargestShown = 64;
    private readonly IExplainedMemory _memory;
    private readonly List<(ulong Linear, ulong Gpa, byte[] Before)> _places = [];

    /// <summary>Reads what an instruction is about to overwrite.</summary>
    public MemoryWatch(in Instruction instruction, ProcessorState state, IExplainedMemory memory, ProcessorLimits processor)
    {
        _memory = memory;
        InstructionInfoFactory factory = new();
        foreach (UsedMemory used in factory.GetInfo(instruction).GetUsedMemory())
        {
            if (!Writes(used.Access)) continue;
            int size = used.MemorySize.GetSize();
            if (size is <= 0 or > LargestShown) continue;
            if (!used.TryGetVirtualAddress(elementIndex: 0, out ulong linear, TryGetValue)) continue;
            Add(ProcessorMode.Of(state).Bits == 64 ? linear : (uint)linear, size, state, processor);
        }

        bool TryGetValue(Register register, int elementIndex, int elementSize, out ulong value)
        {
            value = ValueOf(register, state) ?? 0;
            return ValueOf(register, state) is not null;
        }
    }

    /// <summary>What has changed since. Memory that was written with what it held already does not show.</summary>
    public IReadOnlyList<MemoryChange> Changes()
    {
        List<MemoryChange> changes = [];
        foreach ((ulong linear, ulong gpa, byte[] before) in _places)
        {
            byte[] after = new byte[before.Length];
            if (_memory.TryRead(new Gpa(gpa), after) && !after.AsSpan().SequenceEqual(before))
            {
                changes.Add(new(linear, gpa, Convert.ToHexStringLower(before), Convert.ToHexStringLower(after)));
            }
        }

        return changes;
    }

    private static bool Writes(OpAccess access) =>
        access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;

    // Page by page: what lies across a page end may lie anywhere.
    private void Add(ulong linear, int size, ProcessorState state, ProcessorLimits processor)
    {
        const int PageSize = Page.Size;
        PageAccess access = PageAccess.Write | PageAccess.SmapOverride | (PrivilegeLevel.IsUser(state) ? PageAccess.User : 0);
        while (size > 0)
        {
            int part = Math.Min(size, PageSize - (int)(linear & (PageSize - 1)));
            byte[] before = new byte[part];
            TranslationStory translation = TranslationExplanation.Of(state, _memory, processor, linear, access);
            if (translation.Gpa is { } gpa && _memory.TryRead(new Gpa(gpa), before)) _places.Add((linear, gpa, before));
            linear += (ulong)part;
            size -= part;
        }
    }

    private static ulong? ValueOf(Register register, ProcessorState state)
    {
        if (register.IsSegmentRegister())
        {
            int number = register.GetNumber();
            bool flat = ProcessorMode.Of(state).Bits == 64 && number is not (Seg.Fs or Seg.Gs);
            return flat ? 0 : state.Segments[number].Base;
        }

        if (!register.IsGPR()) return null;
        ulong full = state.Gpr[register.GetFullRegister().GetNumber()];
        return register.GetSize() switch { 8 => full, 4 => (uint)full, _ => (ushort)full };
    }
}
