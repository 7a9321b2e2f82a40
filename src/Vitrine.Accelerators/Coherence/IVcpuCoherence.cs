namespace Vitrine.Accelerators.Coherence;

/// <summary>
/// How a vCPU is told that others may have written to guest memory past <see cref="Memory.IGuestMemory"/>, where an accelerator keeps something that is derived from
/// it. All members belong to the vCPU's own thread, outside of <see cref="IVirtualCpu.Run"/>.
/// </summary>
public interface IVcpuCoherence
{
    /// <summary>
    /// Others may have written to memory. Nothing is thrown away that agrees with memory still: code is compared page by page, before the first instruction of each
    /// page runs again.
    /// </summary>
    /// <param name="doubt">What may be out of date.</param>
    void Doubt(MemoryDoubt doubt);
}
