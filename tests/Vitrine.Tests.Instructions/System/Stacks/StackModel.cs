using System.Buffers.Binary;
using Vitrine.X86.State;

namespace Vitrine.Tests.Software.Stacks;

/// <summary>What the manual's pseudo-code works on: registers, memory, and a stack of a width and a base.</summary>
internal sealed class StackModel(StackWidths widths, byte[] memory)
{
    public StackWidths Widths => widths;

    public ulong[] Registers { get; } = new ulong[16];

    public ulong Rip { get; set; }

    public ulong Rflags { get; set; }

    public byte[] Memory => memory;

    /// <summary>SS.B as 16 or 32, or 64 in 64-bit mode. Changes when a transfer changes SS.</summary>
    public int StackBits { get; set; } = widths.Stack;

    private ulong StackBase => StackBits == 16 ? StackMachine.Stack16Base : 0;

    /// <summary>The stack pointer: SP, ESP or RSP. SP leaves what is above it alone, ESP clears it.</summary>
    public ulong Pointer
    {
        get => Truncate(Registers[Gpr.Rsp], StackBits / 8);
        set => Registers[Gpr.Rsp] = Merge(Registers[Gpr.Rsp], value, StackBits / 8);
    }

    public static ulong Truncate(ulong value, int size) => size == 8 ? value : value & ((1UL << (size * 8)) - 1);

    /// <summary>A general register after a write of <paramref name="size"/> bytes.</summary>
    public static ulong Merge(ulong old, ulong value, int size) => size == 2 ? (old & ~0xFFFFUL) | (ushort)value : Truncate(value, size);

    public void SetRegister(int register, ulong value, int size) => Registers[register] = Merge(Registers[register], value, size);

    public void Push(ulong value, int size) => Push(value, size, size);

    /// <summary>Moves the stack pointer by <paramref name="size"/> and stores only the lower bytes.</summary>
    public void Push(ulong value, int size, int stored)
    {
        Pointer -= (ulong)size;
        Write(StackBase + Pointer, value, stored);
    }

    public ulong Pop(int size)
    {
        ulong value = ReadStack(Pointer, size);
        Pointer += (ulong)size;
        return value;
    }

    /// <summary>Linear address of the top of the stack.</summary>
    public ulong StackLinear => StackLinearAt(0);

    /// <summary>Linear address of a place above the top of the stack.</summary>
    public ulong StackLinearAt(int distance) => StackBase + Truncate(Pointer + (ulong)distance, StackBits / 8);

    public ulong ReadStack(ulong offset, int size) => Read(StackBase + Truncate(offset, StackBits / 8), size);

    public ulong Read(ulong linear, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        memory.AsSpan((int)linear, size).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void Write(ulong linear, ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(memory.AsSpan((int)linear));
    }

    /// <summary>Linear address of an operand based on the whole stack pointer register, with a displacement, in SS.</summary>
    public ulong AtStackRegister(int displacement) => StackBase + Truncate(Registers[Gpr.Rsp] + (ulong)displacement, widths.Address);
}
