using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// How instructions that access memory element by element hold their numbers in <see cref="Op.Extra"/>, and how they access it:
/// <code>
///  bits 3:0 size of an element, 7:4 number of elements, 11:8 size of an index; sizes in bytes
/// </code>
/// </summary>
internal static unsafe class VectorElements
{
    // SAFETY: elements lie within one vector register of the state or a copy of it; guest memory through GuestAccess.

    /// <summary>Packs the numbers.</summary>
    public static ushort Pack(int size, int count, int indexSize = 0) => (ushort)(size | (count << 4) | (indexSize << 8));

    /// <summary>Bytes of an element.</summary>
    public static int Size(Op* op) => op->Extra & 0xF;

    /// <summary>Number of elements.</summary>
    public static int Count(Op* op) => op->Extra >> 4 & 0xF;

    /// <summary>Bytes of an index.</summary>
    public static int IndexSize(Op* op) => op->Extra >> 8 & 0xF;

    /// <summary>True when the sign bit of an element of a mask is set.</summary>
    public static bool IsActive(byte* mask, int element, int size) => (sbyte)mask[(element * size) + size - 1] < 0;

    /// <summary>Reads an element that lies a distance from the operand's address.</summary>
    /// <returns>False as <see cref="GuestAccess.Read"/>; the element keeps its value then.</returns>
    public static bool Read(CpuState* cpu, Op* op, long distance, int size, byte* to)
    {
        if (!TryForm(cpu, op, distance, size, write: false, out ulong linear)) return false;
        if (size == sizeof(uint))
        {
            if (!GuestAccess.Read(cpu, op, linear, out uint value)) return false;
            *(uint*)to = value;
        }
        else
        {
            if (!GuestAccess.Read(cpu, op, linear, out ulong value)) return false;
            *(ulong*)to = value;
        }

        return true;
    }

    /// <summary>Checks that an element can be written.</summary>
    public static bool ProbeWrite(CpuState* cpu, Op* op, long distance, int size) =>
        TryForm(cpu, op, distance, size, write: true, out ulong linear) && GuestAccess.ProbeWrite(cpu, op, linear, size);

    /// <summary>Writes an element.</summary>
    /// <returns>False as <see cref="GuestAccess.Write"/>.</returns>
    public static bool Write(CpuState* cpu, Op* op, long distance, int size, byte* from)
    {
        if (!TryForm(cpu, op, distance, size, write: true, out ulong linear)) return false;
        return size == sizeof(uint) ? GuestAccess.Write(cpu, op, linear, *(uint*)from) : GuestAccess.Write(cpu, op, linear, *(ulong*)from);
    }

    /// <summary>Forms the address of an element; segment, address size and limits are the instruction's.</summary>
    private static bool TryForm(CpuState* cpu, Op* op, long distance, int size, bool write, out ulong linear)
    {
        if (op->Form != AddressForm.Legacy)
        {
            LongAddress.ForRead(cpu, op, size, out linear);
            linear += (ulong)distance;
            return true;
        }

        if (IndexSize(op) == 0)
        {
            // One operand, which doesn't wrap; only the elements of a gather have addresses of their own.
            ulong offset = LegacyAddress.Offset(cpu, op) + (ulong)distance;
            ref SegmentCache segment = ref cpu->Segments[op->Segment];
            linear = (uint)(segment.Base + offset);
            return offset + (ulong)size <= (write ? segment.WriteEnd : segment.ReadEnd) || SegmentCheck.Slow(cpu, op->Segment, offset, size, write, out linear);
        }

        Op element = *op;
        element.Disp += distance;
        return write ? LegacyAddress.ForWrite(cpu, &element, size, out linear) : LegacyAddress.ForRead(cpu, &element, size, out linear);
    }
}
