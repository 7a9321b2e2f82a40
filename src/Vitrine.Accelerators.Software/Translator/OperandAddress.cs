using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What the address of a guest's memory operand is made of.</summary>
internal struct OperandAddress
{
    /// <summary>A guest register's number, or -1.</summary>
    public int Base;

    /// <summary>A guest register's number, or -1.</summary>
    public int Index;

    /// <summary>The index is multiplied by 2 to the power of this.</summary>
    public int Scale;

    /// <summary>The displacement; of an address relative to RIP the distance from the start of the page.</summary>
    public long Displacement;

    /// <summary>Relative to RIP.</summary>
    public bool IsRelative;

    /// <summary>Cut to 32 bits.</summary>
    public bool Is32;

    /// <summary><see cref="Seg.Fs"/> or <see cref="Seg.Gs"/> when the operand is in one of them, else -1.</summary>
    public int Segment;

    /// <summary>One LEA forms it.</summary>
    public readonly bool IsDirect => !IsRelative && !Is32 && Segment < 0 && !RegisterMap.IsHeld(Base) && !RegisterMap.IsHeld(Index);

    /// <summary>It lies in a known page, as far from its start as in any other that this code may be mapped at.</summary>
    public readonly bool IsInPage => IsRelative && Segment < 0;

    /// <summary>The host address is one addend away: one register at most, which the host can add in 64 bits.</summary>
    public readonly bool IsOneRegister => IsDirect && (Base < 0 || Index < 0);

    /// <summary>Relative to RSP.</summary>
    public readonly bool IsOnStack => Base == Gpr.Rsp;

    /// <summary>Takes the address of an operand apart.</summary>
    /// <param name="instruction">Its instruction, whose IP is its distance from the block's start.</param>
    /// <param name="start">Offset of the block in its page.</param>
    /// <param name="is64">64-bit code.</param>
    public static OperandAddress Of(in Instruction instruction, int start, bool is64)
    {
        Register @base = instruction.MemoryBase;
        OperandAddress address = new()
        {
            Base = -1,
            Index = GeneralNumber(instruction.MemoryIndex),
            Scale = BitOperations.Log2((uint)instruction.MemoryIndexScale),
            Displacement = (long)instruction.MemoryDisplacement64,
            Segment = SegmentOf(in instruction),
        };
        if (@base == Register.RIP)
        {
            address.IsRelative = true;
            address.Displacement = start + (long)instruction.IPRelativeMemoryAddress;
        }
        else
        {
            address.Base = GeneralNumber(@base);
            address.Is32 = !is64 || Is32BitAddress(in instruction);
            if (address.Is32) address.Displacement = (int)address.Displacement;
        }

        return address;
    }

    /// <summary>An address relative to a stack register.</summary>
    /// <param name="displacement">The distance from it.</param>
    /// <param name="is64">64-bit code.</param>
    /// <param name="base">The register's number.</param>
    public static OperandAddress OnStack(int displacement, bool is64, int @base = Gpr.Rsp) =>
        new() { Base = @base, Index = -1, Segment = -1, Displacement = displacement, Is32 = !is64 };

    /// <summary>False for operands whose addresses the interpreter forms.</summary>
    /// <param name="instruction">The operand's instruction.</param>
    /// <param name="start">Offset of the block in its page.</param>
    /// <param name="is64">64-bit code.</param>
    public static bool CanForm(in Instruction instruction, int start, bool is64)
    {
        Register @base = instruction.MemoryBase;
        if (@base == Register.EIP || instruction.IsVsib) return false;
        if (@base == Register.RIP)
        {
            long distance = start + (long)instruction.IPRelativeMemoryAddress;
            return distance == (int)distance;
        }

        Register sized = @base != Register.None ? @base : instruction.MemoryIndex;
        if (sized != Register.None && !sized.IsGPR32() && !sized.IsGPR64()) return false;
        if (sized == Register.None && instruction.MemoryDisplSize == 2) return false;
        if (is64)
        {
            long displacement = (long)instruction.MemoryDisplacement64;
            return displacement == (int)displacement || (Is32BitAddress(in instruction) && SegmentOf(in instruction) < 0);
        }

        // The data segments are flat, that is part of the mode; FS and GS need not be, and CS can't be written.
        return instruction.MemorySegment is Register.DS or Register.ES or Register.SS;
    }

    /// <summary>FS or GS when the operand is in one of them, else -1.</summary>
    public static int SegmentOf(in Instruction instruction) => instruction.MemorySegment switch
    {
        Register.FS => Seg.Fs,
        Register.GS => Seg.Gs,
        _ => -1,
    };

    /// <summary>The number of a general register of 32 or 64 bits; -1 for none.</summary>
    public static int GeneralNumber(Register register) =>
        register == Register.None ? -1 : register >= Register.RAX ? register - Register.RAX : register - Register.EAX;

    /// <summary>The host's operand with the same registers, where <see cref="IsDirect"/>.</summary>
    public readonly HostOperand ToHost() => new(
        Base < 0 ? HostRegister.None : RegisterMap.Of(Base),
        Index < 0 ? HostRegister.None : RegisterMap.Of(Index),
        Scale,
        (int)Displacement);

    /// <summary>It has one of some registers, one bit each.</summary>
    public readonly bool Uses(int registers) =>
        (Base >= 0 && (registers & (1 << Base)) != 0) || (Index >= 0 && (registers & (1 << Index)) != 0);

    /// <summary>It differs from another in the displacement only.</summary>
    public readonly bool HasRegistersOf(in OperandAddress other) =>
        Base == other.Base && Index == other.Index && Scale == other.Scale && Segment == other.Segment && Is32 == other.Is32 &&
        IsRelative == other.IsRelative;

    private static bool Is32BitAddress(in Instruction instruction)
    {
        Register sized = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        return sized != Register.None ? sized.IsGPR32() : instruction.MemoryDisplSize == 4;
    }
}
