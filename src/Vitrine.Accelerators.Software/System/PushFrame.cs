using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// Values that the processor pushes as one act: gathered first, then checked as a whole, then written. So a transfer
/// that faults on its stack has changed nothing.
/// </summary>
internal unsafe ref struct PushFrame
{
    // SAFETY: Push stays below MaxValues, which covers the largest frame (a call gate with 31 parameters, SS, ESP, CS, EIP).
    private const int MaxValues = 40;

    private readonly CpuState* _cpu;
    private readonly Op* _op;
    private readonly SegmentCache _stack;
    private readonly ulong _mask;
    private readonly int _width;
    private readonly bool _isLong;
    private readonly bool _isNewStack;
    private fixed ulong _values[MaxValues];
    private int _count;

    /// <summary>Starts a frame.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction, or null for an event between instructions.</param>
    /// <param name="stack">The stack segment.</param>
    /// <param name="pointer">The stack pointer before the first push.</param>
    /// <param name="width">Bytes of each value: 2, 4 or 8.</param>
    /// <param name="isLong">A 64-bit stack: no segment.</param>
    /// <param name="isNewStack">A stack of a more privileged level: written as supervisor; else with the rights of the present mode.</param>
    public PushFrame(CpuState* cpu, Op* op, in SegmentCache stack, ulong pointer, int width, bool isLong, bool isNewStack)
    {
        _cpu = cpu;
        _op = op;
        _stack = stack;
        _mask = isLong ? ulong.MaxValue : StackPointer.Mask(stack.Access);
        _width = width;
        _isLong = isLong;
        _isNewStack = isNewStack;
        Pointer = pointer & _mask;
        Bottom = Pointer;
    }

    /// <summary>The stack pointer behind the values pushed so far.</summary>
    public ulong Pointer { get; private set; }

    /// <summary>Bits of the stack pointer in use.</summary>
    public readonly ulong Mask => _mask;

    private ulong Bottom { get; }

    /// <summary>Adds a value; its high bits beyond the width are dropped.</summary>
    public void Push(ulong value)
    {
        _values[_count++] = value;
        Pointer = (Pointer - (ulong)_width) & _mask;
    }

    /// <summary>Checks that all values can be written. Outside the limit, or not canonical: #SS(<paramref name="stackError"/>).</summary>
    public readonly bool TryProbe(uint stackError)
    {
        ulong offset = Bottom;
        for (int i = 0; i < _count; i++)
        {
            offset = (offset - (ulong)_width) & _mask;
            bool inside = _isLong
                ? SoftMmu.Of(_cpu).IsDataAddress(offset) && SoftMmu.Of(_cpu).IsDataAddress(offset + (ulong)_width - 1)
                : StackPointer.IsInside(_stack, offset, _width);
            if (!inside) return GuestFault.Stack(_cpu, stackError);
            ulong linear = Linear(offset);
            if (!(_isNewStack
                ? GuestAccess.ProbeWriteSystem(_cpu, linear, _width)
                : GuestAccess.ProbeWrite(_cpu, _op, linear, _width)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes the values. They must have passed <see cref="TryProbe"/>.</summary>
    /// <returns>False when a value went to a device and the instruction must run again.</returns>
    public readonly bool TryWrite()
    {
        ulong offset = Bottom;
        for (int i = 0; i < _count; i++)
        {
            offset = (offset - (ulong)_width) & _mask;
            ulong linear = Linear(offset);
            ulong value = _values[i];
            bool ok = _width switch
            {
                2 => Write(linear, (ushort)value),
                4 => Write(linear, (uint)value),
                _ => Write(linear, value),
            };
            if (!ok) return false;
        }

        return true;
    }

    private readonly ulong Linear(ulong offset) => _isLong ? offset : (uint)(_stack.Base + offset);

    private readonly bool Write<T>(ulong linear, T value)
        where T : unmanaged =>
        _isNewStack ? GuestAccess.WriteSystem(_cpu, linear, value) : GuestAccess.Write(_cpu, _op, linear, value);
}
