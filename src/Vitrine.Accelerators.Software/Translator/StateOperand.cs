using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Fields of the state, and what lies after it, as operands of translated code.</summary>
internal static unsafe class StateOperand
{
    // SAFETY: sizes only.

    /// <summary>What lies at a distance from the start of the state.</summary>
    public static HostOperand State(int offset) => new(RegisterMap.State, offset);

    /// <summary>A field of a slot.</summary>
    /// <param name="slot">The slot's number.</param>
    /// <param name="field">The field's offset in it.</param>
    public static HostOperand Slot(int slot, int field) => State(CpuOffsets.Slots + (slot * sizeof(PageSlot)) + field);

    /// <summary>Where a guest register without a host register is held.</summary>
    public static HostOperand Held(int guest) => State(guest switch
    {
        10 => CpuOffsets.HeldR10,
        11 => CpuOffsets.HeldR11,
        _ => CpuOffsets.HeldR15,
    });

    /// <summary>A segment's base.</summary>
    public static HostOperand SegmentBase(int segment) => State(CpuState.SegmentBaseOffset(segment));

    /// <summary>A segment's selector, of 32 bits.</summary>
    public static HostOperand Selector(int segment) => State(CpuState.SegmentBaseOffset(segment) + SegmentCache.Offsets.Selector);

    /// <summary>A cell of the keys.</summary>
    public static HostOperand Key(int cell) => State(StateMemory.Keys + (cell * sizeof(ulong)));
}
