using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Native;
using Vitrine.X86.Cpuid;

namespace Vitrine.KvmServer.State;

/// <summary>Lists of CPUID leaves between the client and the server: struct kvm_cpuid2.</summary>
internal static class CpuidCalls
{
    private const int HeaderBytes = 8;

    /// <summary>Writes a list where the client has room for it.</summary>
    /// <returns>0; -E2BIG when its room is too small, -EFAULT when it isn't memory.</returns>
    public static int WriteList(ulong address, ReadOnlySpan<CpuidEntry> entries)
    {
        int error = ClientMemory.Read(address, out uint room);
        if (error < 0) return error;
        return room == 0 ? -Errno.E2BIG : WriteList(address, room, entries);
    }

    /// <summary>KVM_GET_CPUID2: as <see cref="WriteList(ulong, ReadOnlySpan{CpuidEntry})"/>, and there may be none.</summary>
    public static int WriteCurrent(ulong address, ReadOnlySpan<CpuidEntry> entries)
    {
        int error = ClientMemory.Read(address, out uint room);
        return error < 0 ? error : WriteList(address, room, entries);
    }

    /// <summary>Reads a list (KVM_SET_CPUID2).</summary>
    /// <returns>0; -E2BIG for more entries than KVM takes, -EFAULT for what isn't memory.</returns>
    public static int ReadList(ulong address, out CpuidEntry[] entries)
    {
        entries = [];
        int error = ClientMemory.Read(address, out uint count);
        if (error < 0) return error;
        if (count > CpuidCodec.MaximumEntries) return -Errno.E2BIG;
        byte[] buffer = new byte[HeaderBytes + ((int)count * EntryBytes)];
        error = ClientMemory.Read(address, buffer);
        if (error < 0) return error;

        // Another thread of the client may have changed the count meanwhile.
        BitConverter.TryWriteBytes(buffer, count);
        return CpuidCodec.TryDecode(buffer, out entries) ? 0 : -Errno.EINVAL;
    }

    /// <summary>Reads a list of the first version, which has no subleaves (KVM_SET_CPUID).</summary>
    /// <returns>0; -E2BIG or -EFAULT.</returns>
    public static int ReadOldList(ulong address, out CpuidEntry[] entries)
    {
        // struct kvm_cpuid_entry: function, eax, ebx, ecx, edx, padding.
        const int OldEntryWords = 6;
        entries = [];
        int error = ClientMemory.Read(address, out uint count);
        if (error < 0) return error;
        if (count > CpuidCodec.MaximumEntries) return -Errno.E2BIG;
        uint[] words = new uint[(int)count * OldEntryWords];
        error = ClientMemory.Read(address + HeaderBytes, global::System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
        if (error < 0) return error;
        entries = new CpuidEntry[count];
        for (int i = 0; i < entries.Length; i++)
        {
            ReadOnlySpan<uint> entry = words.AsSpan(i * OldEntryWords, OldEntryWords);
            entries[i] = new CpuidEntry(entry[0], 0, false, entry[1], entry[2], entry[3], entry[4]);
        }

        return 0;
    }

    private static int WriteList(ulong address, uint room, ReadOnlySpan<CpuidEntry> entries) =>
        room < entries.Length ? -Errno.E2BIG : ClientMemory.Write(address, CpuidCodec.Encode(entries));

    private static int EntryBytes => global::System.Runtime.CompilerServices.Unsafe.SizeOf<kvm_cpuid_entry2>();
}
