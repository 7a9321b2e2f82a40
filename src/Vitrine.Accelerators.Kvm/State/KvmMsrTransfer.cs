using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>Reads and writes model-specific registers in batches.</summary>
internal sealed unsafe class KvmMsrTransfer
{
    // KVM takes at most 256 entries in one call.
    private const int BatchSize = 256;

    private readonly KvmVcpuHandle _vcpu;
    private readonly uint[] _candidates;
    private readonly byte[] _buffer = GC.AllocateArray<byte>(sizeof(kvm_msrs) + (BatchSize * sizeof(kvm_msr_entry)), pinned: true);
    private List<uint>? _readable;

    public KvmMsrTransfer(KvmVcpuHandle vcpu, uint[] candidates)
    {
        _vcpu = vcpu;
        _candidates = candidates;
    }

    /// <summary>Forgets which registers are readable: a new CPUID may change it.</summary>
    public void Forget() => _readable = null;

    /// <summary>Reads all registers of the state. Registers of <paramref name="msrs"/> that this vCPU lacks are removed.</summary>
    public void Read(SortedDictionary<uint, ulong> msrs)
    {
        // A register may be listed and yet be refused, because another feature is off. The first reading finds out.
        _readable ??= [.. _candidates];
        msrs.Clear();
        kvm_msr_entry* entries = Entries;
        for (int start = 0; start < _readable.Count;)
        {
            int count = Math.Min(BatchSize, _readable.Count - start);
            for (int i = 0; i < count; i++) entries[i] = new kvm_msr_entry { index = _readable[start + i] };
            int done = Transfer(KvmIoctl.KVM_GET_MSRS, count);
            for (int i = 0; i < done; i++) msrs[entries[i].index] = entries[i].data;
            if (done < count) _readable.RemoveAt(start + done);
            start += done;
        }
    }

    /// <summary>Writes those registers that <paramref name="wanted"/> accepts, ascending.</summary>
    /// <exception cref="Errors.VitrineException">One was refused; the message names it. Those before it are written.</exception>
    public void Write(SortedDictionary<uint, ulong> msrs, Func<uint, bool> wanted)
    {
        int count = 0;
        foreach ((uint index, ulong value) in msrs)
        {
            if (!wanted(index)) continue;
            Entries[count++] = new kvm_msr_entry { index = index, data = value };
            if (count == BatchSize)
            {
                WriteBatch(count);
                count = 0;
            }
        }

        if (count > 0) WriteBatch(count);
    }

    private kvm_msrs* Header => (kvm_msrs*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _buffer[0]);

    // SAFETY: the buffer is pinned for its life and has room for the header and BatchSize entries.
    private kvm_msr_entry* Entries => (kvm_msr_entry*)(Header + 1);

    private void WriteBatch(int count)
    {
        int done = Transfer(KvmIoctl.KVM_SET_MSRS, count);
        if (done < count) throw KvmError.MsrRefused(Entries[done].index, Entries[done].data);
    }

    // KVM stops at the first register that it refuses, and returns how many came before it.
    private int Transfer(uint request, int count)
    {
        *Header = new kvm_msrs { nmsrs = (uint)count };
        return _vcpu.Call(request, Header);
    }
}
