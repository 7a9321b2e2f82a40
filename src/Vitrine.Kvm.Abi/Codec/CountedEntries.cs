using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// A header whose first 32 bits say how many entries follow it: <see cref="kvm_msrs"/>, <see cref="kvm_msr_list"/>, <see cref="kvm_cpuid2"/>,
/// <see cref="kvm_irq_routing"/>. The count comes from the other side of the ABI and is checked against the buffer.
/// </summary>
public static class CountedEntries
{
    /// <summary>Bytes of a structure with so many entries.</summary>
    public static int BytesFor<THeader, TEntry>(int count)
        where THeader : unmanaged
        where TEntry : unmanaged => checked(Unsafe.SizeOf<THeader>() + (count * Unsafe.SizeOf<TEntry>()));

    /// <summary>Writes an empty header with its count.</summary>
    /// <returns>The entries, to be filled.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The buffer is too short.</exception>
    public static Span<TEntry> Write<THeader, TEntry>(Span<byte> buffer, int count)
        where THeader : unmanaged
        where TEntry : unmanaged
    {
        Span<byte> header = buffer[..Unsafe.SizeOf<THeader>()];
        header.Clear();
        MemoryMarshal.Write(header, count);
        return MemoryMarshal.Cast<byte, TEntry>(buffer[header.Length..BytesFor<THeader, TEntry>(count)]);
    }

    /// <summary>The entries that a structure says it has.</summary>
    /// <returns>False when the buffer ends before the last one, or before the header does.</returns>
    public static bool TryRead<THeader, TEntry>(ReadOnlySpan<byte> buffer, out ReadOnlySpan<TEntry> entries)
        where THeader : unmanaged
        where TEntry : unmanaged
    {
        entries = default;
        if (buffer.Length < Unsafe.SizeOf<THeader>()) return false;
        uint count = MemoryMarshal.Read<uint>(buffer);
        ReadOnlySpan<TEntry> room = MemoryMarshal.Cast<byte, TEntry>(buffer[Unsafe.SizeOf<THeader>()..]);
        if (count > (uint)room.Length) return false;
        entries = room[..(int)count];
        return true;
    }
}
