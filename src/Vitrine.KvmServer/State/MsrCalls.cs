using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>Lists of model-specific registers: struct kvm_msrs. As KVM, the calls stop at the first register that is refused and say how many went well.</summary>
internal static class MsrCalls
{
    // As the kernel: more than this is E2BIG.
    private const int Limit = MsrsCodec.MaximumEntries;

    /// <summary>Reads one register.</summary>
    public delegate bool Reader(uint index, out ulong value);

    /// <summary>Writes one register.</summary>
    public delegate bool Writer(uint index, ulong value);

    /// <summary>KVM_GET_MSRS.</summary>
    /// <returns>How many registers were read, or an error.</returns>
    public static int Get(ulong address, Reader read)
    {
        Span<kvm_msr_entry> entries = stackalloc kvm_msr_entry[Limit];
        int count = ReadEntries(address, ref entries);
        if (count < 0) return count;
        int done = 0;
        while (done < count && read(entries[done].index, out ulong value)) entries[done++].data = value;
        int error = ClientMemory.Write(address + HeaderBytes, MemoryMarshal.AsBytes(entries[..count]));
        return error < 0 ? error : done;
    }

    /// <summary>KVM_SET_MSRS.</summary>
    /// <returns>How many registers were written, or an error.</returns>
    public static int Set(ulong address, Writer write)
    {
        Span<kvm_msr_entry> entries = stackalloc kvm_msr_entry[Limit];
        int count = ReadEntries(address, ref entries);
        if (count < 0) return count;
        int done = 0;
        while (done < count && write(entries[done].index, entries[done].data)) done++;
        return done;
    }

    private static ulong HeaderBytes => (ulong)Unsafe.SizeOf<kvm_msrs>();

    private static int ReadEntries(ulong address, ref Span<kvm_msr_entry> entries)
    {
        int error = ClientMemory.Read(address, out uint count);
        if (error < 0) return error;
        if (count >= Limit) return -Errno.E2BIG;
        entries = entries[..(int)count];
        error = ClientMemory.Read(address + HeaderBytes, MemoryMarshal.AsBytes(entries));
        return error < 0 ? error : (int)count;
    }
}
