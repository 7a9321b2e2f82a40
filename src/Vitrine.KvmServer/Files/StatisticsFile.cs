using System.Text;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Vitrine.KvmServer.Run;

namespace Vitrine.KvmServer.Files;

/// <summary>
/// What KVM_GET_STATS_FD gives: a file that describes itself (Documentation/virt/kvm/api.rst 4.131), with a header, an id, a descriptor for each counter and the
/// counters. Clients read it by pread(2); the counters are those of the time of the read.
/// </summary>
internal sealed unsafe class StatisticsFile : ServedFile, IStatisticsView
{
    // SAFETY: for the whole type: everything that is written lies within the file's page, which this object has mapped until Dispose; the source's lock, and that it forgets
    // this file first, keep writers out behind it.
    private const int NameBytes = 48;
    private const int ValueAlignment = 8;

    private readonly StatisticsSource _source;
    private readonly ulong* _values;

    /// <summary>Makes a file of a source's counters.</summary>
    /// <param name="host">Whose file it is.</param>
    /// <param name="file">The file, of one page.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="vcpu">The vCPU; -1 for the machine as a whole.</param>
    /// <param name="source">The counters.</param>
    public StatisticsFile(KvmHost host, MemoryFile file, int machine, int vcpu, StatisticsSource source)
        : base(host, file)
    {
        _source = source;
        Machine = machine;
        Vcpu = vcpu;
        int descriptorBytes = sizeof(kvm_stats_desc) + NameBytes;
        int first = sizeof(kvm_stats_header) + NameBytes;
        int data = (first + (source.Statistics.Length * descriptorBytes) + ValueAlignment - 1) & -ValueAlignment;
        *(kvm_stats_header*)Pages = new kvm_stats_header
        {
            name_size = NameBytes,
            num_desc = (uint)source.Statistics.Length,
            id_offset = (uint)sizeof(kvm_stats_header),
            desc_offset = (uint)first,
            data_offset = (uint)data,
        };
        WriteText(sizeof(kvm_stats_header), vcpu < 0 ? $"kvm-{Environment.ProcessId}" : $"kvm-{Environment.ProcessId}/vcpu-{vcpu}");
        for (int i = 0; i < source.Statistics.Length; i++)
        {
            (string name, bool isInstant) = source.Statistics[i];
            int at = first + (i * descriptorBytes);
            *(kvm_stats_desc*)(Pages + at) = new kvm_stats_desc
            {
                flags = isInstant ? KvmConstants.KVM_STATS_TYPE_INSTANT : 0,
                size = 1,
                offset = (uint)(i * sizeof(ulong)),
            };
            WriteText(at + sizeof(kvm_stats_desc), name);
        }

        _values = (ulong*)(Pages + data);

        // Whoever reads to the end finds the counters there.
        Libc.Truncate(Descriptor, data + (source.Statistics.Length * sizeof(ulong)));
        source.Add(this);
    }

    /// <inheritdoc/>
    public override KvmDescriptorKind Kind => Vcpu < 0 ? KvmDescriptorKind.Vm : KvmDescriptorKind.Vcpu;

    /// <inheritdoc/>
    public override int Machine { get; }

    /// <inheritdoc/>
    public override int Vcpu { get; }

    /// <inheritdoc/>
    public void Show(ReadOnlySpan<ulong> values)
    {
        for (int i = 0; i < values.Length; i++) Volatile.Write(ref _values[i], values[i]);
    }

    /// <inheritdoc/>
    public override long Ioctl(uint request, ulong argument) => -Errno.ENOTTY;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _source.Remove(this);
        base.Dispose();
    }

    private void WriteText(int at, string text) => Encoding.ASCII.GetBytes(text, new Span<byte>(Pages + at, NameBytes - 1));
}
