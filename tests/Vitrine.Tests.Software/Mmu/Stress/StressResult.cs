namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What a step was seen to do, besides what it left in memory.</summary>
internal sealed class StressResult
{
    public const uint NoFault = uint.MaxValue;

    /// <summary>Vector of the fault that ended it, or <see cref="NoFault"/>.</summary>
    public uint Vector { get; set; }

    public uint ErrorCode { get; set; }

    public ulong Cr2 { get; set; }

    /// <summary>RIP of the fault.</summary>
    public ulong Rip { get; set; }

    public ulong Rax { get; set; }

    public ulong Rdx { get; set; }

    public ulong Rcx { get; set; }

    public UInt128 Xmm { get; set; }

    /// <summary>Why the machine ended instead of coming back; null when it did come back.</summary>
    public string? End { get; set; }

    /// <summary>The bytes that devices and ROM saw, in order.</summary>
    public List<BusByte> Bus { get; } = [];
}
