namespace Vitrine.Accelerators.Parts;

/// <summary>What a server of KVM's calls has to choose about a machine, which KVM's own clients choose by calls. Any thread; what changes holds from the next look on.</summary>
public sealed class VmBehavior
{
    private volatile bool _localApicAtClient;
    private volatile bool _waitsForEver;
    private volatile bool _skipsOut7E;
    private volatile int _msrExits;
    private volatile int _clockVersion;
    private long _clockOffset;
    private volatile MsrFilter? _msrFilter;
    private volatile Func<ulong, bool>? _isMissing;

    /// <summary>
    /// The client has the local APICs (KVM without an in-kernel irqchip): their page is device memory, HLT leaves with <see cref="VmExitReason.Halt"/>, a lowered
    /// CR8 with <see cref="VmExitReason.SetTpr"/>, and interrupts come by <see cref="IVcpuParts.TryInjectInterrupt"/> alone. Before the first vCPU.
    /// </summary>
    public bool LocalApicAtClient
    {
        get => _localApicAtClient;
        set => _localApicAtClient = value;
    }

    /// <summary>A HLT that nothing in the machine can end waits all the same, instead of leaving with <see cref="VmExitReason.HaltForever"/>.</summary>
    public bool WaitsForEver
    {
        get => _waitsForEver;
        set => _waitsForEver = value;
    }

    /// <summary>At the exit of an OUT to port 0x7E, RIP is behind it already (KVM_X86_QUIRK_OUT_7E_INC_RIP).</summary>
    public bool SkipsOut7E
    {
        get => _skipsOut7E;
        set => _skipsOut7E = value;
    }

    /// <summary>What the paravirtual clock shows beyond the machine's time, in nanoseconds (KVM_SET_CLOCK).</summary>
    public long ClockOffset
    {
        get => Volatile.Read(ref _clockOffset);
        set
        {
            Volatile.Write(ref _clockOffset, value);
            Interlocked.Increment(ref _clockVersion);
        }
    }

    /// <summary>Grows with each change of <see cref="ClockOffset"/>.</summary>
    public int ClockVersion => _clockVersion;

    /// <summary>
    /// Which accesses to model-specific registers leave with <see cref="VmExitReason.Msr"/> (KVM_CAP_X86_USER_SPACE_MSR); <see cref="VmExit.Detail"/> says why, and
    /// the client answers in <see cref="VmExit.Data"/> and <see cref="VmExit.Failed"/>.
    /// </summary>
    public MsrExitReasons MsrExits
    {
        get => (MsrExitReasons)_msrExits;
        set => _msrExits = (int)value;
    }

    /// <summary>Which accesses to model-specific registers are denied; null for none.</summary>
    public MsrFilter? MsrFilter
    {
        get => _msrFilter;
        set => _msrFilter = value;
    }

    /// <summary>
    /// Whether memory is missing at a guest-physical address where the client says there is some. Code is not fetched from there as from a bus that nobody answers:
    /// <see cref="IVirtualCpu.Run"/> returns <see cref="VmExitReason.InternalError"/>. Null where memory is always there.
    /// </summary>
    public Func<ulong, bool>? IsMissing
    {
        get => _isMissing;
        set => _isMissing = value;
    }

    /// <summary>Takes over what another machine's has.</summary>
    public void CopyFrom(VmBehavior other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (LocalApicAtClient, WaitsForEver, SkipsOut7E) = (other.LocalApicAtClient, other.WaitsForEver, other.SkipsOut7E);
        (MsrExits, MsrFilter) = (other.MsrExits, other.MsrFilter);
        ClockOffset = other.ClockOffset;
        IsMissing = other.IsMissing;
    }
}
