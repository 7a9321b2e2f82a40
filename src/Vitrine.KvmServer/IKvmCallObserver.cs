namespace Vitrine.KvmServer;

/// <summary>Hears of the calls that clients make.</summary>
public interface IKvmCallObserver
{
    /// <summary>A call is about to be carried out.</summary>
    void Begins(in KvmCall call);

    /// <summary>A call has been carried out, before its caller knows.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">What ioctl(2) returns; a negative number of <see cref="Kvm.Abi.Errno"/> is an error.</param>
    /// <param name="nanoseconds">How long it took.</param>
    void Ended(in KvmCall call, long result, long nanoseconds);
}
