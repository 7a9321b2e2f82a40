using Vitrine.KvmServer;

namespace Vitrine.Kvm.Watch;

/// <summary>A call that the client is making.</summary>
/// <param name="call">The call.</param>
/// <param name="file">What it is made on.</param>
internal sealed class OpenCall(in KvmCall call, WatchedFile file)
{
    /// <summary>The call.</summary>
    public KvmCall Call { get; } = call;

    /// <summary>What it is made on.</summary>
    public WatchedFile File { get; } = file;

    /// <summary>When it went to the kernel.</summary>
    public long Started { get; set; }

    /// <summary>KVM_RUN makes one instruction that is told.</summary>
    public bool IsTold { get; set; }

    /// <summary>KVM_RUN returns behind it.</summary>
    public bool Steps { get; set; }
}
