namespace Vitrine.Accelerators.Observation;

/// <summary>
/// Wants to know the dirty flag around each put. The flag belongs to whoever owns our copy of the registers, who asks the vCPU once
/// whether it is an observer.
/// </summary>
public interface IPutObserver
{
    /// <summary>A put is about to begin.</summary>
    /// <param name="dirty">Whether our copy is the truth.</param>
    void PutBegins(bool dirty);

    /// <summary>The put has ended, or failed.</summary>
    /// <param name="dirty">Whether our copy is the truth now.</param>
    void PutEnded(bool dirty);
}
