using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>Reads and writes model-specific registers in batches.</summary>
internal sealed class KvmMsrTransfer
{
    private readonly KvmVcpuHandle _vcpu;
    private readonly uint[] _candidates;
    private readonly byte[] _buffer = new byte[MsrsCodec.BytesFor(MsrsCodec.MaximumEntries)];
    private readonly KeyValuePair<uint, ulong>[] _batch = new KeyValuePair<uint, ulong>[MsrsCodec.MaximumEntries];
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
        for (int start = 0; start < _readable.Count;)
        {
            int count = Math.Min(_batch.Length, _readable.Count - start);
            for (int i = 0; i < count; i++) _batch[i] = new(_readable[start + i], 0);
            int done = Transfer(KvmIoctl.KVM_GET_MSRS, count);
            if (!MsrsCodec.TryDecode(_buffer, done, msrs)) throw KvmError.Malformed(nameof(KvmIoctl.KVM_GET_MSRS));
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
            _batch[count++] = new(index, value);
            if (count == _batch.Length)
            {
                WriteBatch(count);
                count = 0;
            }
        }

        if (count > 0) WriteBatch(count);
    }

    private void WriteBatch(int count)
    {
        int done = Transfer(KvmIoctl.KVM_SET_MSRS, count);
        if (done < count) throw KvmError.MsrRefused(_batch[done].Key, _batch[done].Value);
    }

    // KVM stops at the first register that it refuses, and returns how many came before it.
    private int Transfer(uint request, int count)
    {
        MsrsCodec.Encode(_batch.AsSpan(0, count), _buffer);
        return _vcpu.Call(request, ref _buffer[0]);
    }
}
