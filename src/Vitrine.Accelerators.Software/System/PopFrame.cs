using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Reads the present stack without moving the stack pointer until the caller commits.</summary>
internal unsafe ref struct PopFrame
{
    // SAFETY: takes the running vCPU's state and the operation being executed.
    private readonly CpuState* _cpu;
    private readonly Op* _op;
    private readonly int _width;

    /// <summary>Starts at the top of the stack.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="width">Bytes of each value: 2, 4 or 8.</param>
    public PopFrame(CpuState* cpu, Op* op, int width)
    {
        _cpu = cpu;
        _op = op;
        _width = width;
        Mask = StackPointer.Mask(cpu);
        Pointer = cpu->Gpr[Gpr.Rsp] & Mask;
    }

    /// <summary>The stack pointer behind what was read so far.</summary>
    public ulong Pointer { get; private set; }

    /// <summary>Bits of the stack pointer in use.</summary>
    public ulong Mask { get; }

    /// <summary>Passes over <paramref name="bytes"/>.</summary>
    public void Skip(ulong bytes) => Pointer = (Pointer + bytes) & Mask;

    /// <summary>Reads the next value.</summary>
    /// <returns>False when a fault is recorded: #SS(0) outside the limit or not canonical, or a page fault.</returns>
    public bool TryPop(out ulong value)
    {
        bool ok;
        switch (_width)
        {
            case 2:
                ok = TryRead(out ushort value16);
                value = value16;
                break;
            case 4:
                ok = TryRead(out uint value32);
                value = value32;
                break;
            default:
                ok = TryRead(out value);
                break;
        }

        Skip((ulong)_width);
        return ok;
    }

    private readonly bool TryRead<T>(out T value)
        where T : unmanaged
    {
        ulong linear = Pointer;
        bool inside;
        if ((_cpu->Mode & ExecutionMode.Code64) != 0)
        {
            inside = SoftMmu.Of(_cpu).IsDataAddress(linear) && SoftMmu.Of(_cpu).IsDataAddress(linear + (ulong)sizeof(T) - 1);
        }
        else
        {
            ref SegmentCache stack = ref _cpu->Segments[Seg.Ss];
            inside = StackPointer.IsInside(stack, Pointer, sizeof(T));
            linear = (uint)(stack.Base + Pointer);
        }

        value = default;
        return inside ? GuestAccess.Read(_cpu, _op, linear, out value) : GuestFault.Stack(_cpu, 0);
    }
}
