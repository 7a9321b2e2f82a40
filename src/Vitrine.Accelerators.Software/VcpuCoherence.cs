using System.Diagnostics;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software;

/// <summary>
/// When a vCPU compares its code with memory, where that is written by others who don't tell. Between blocks, on the vCPU's thread.
/// </summary>
internal sealed class VcpuCoherence : IVcpuCoherence
{
    private const long Nanoseconds = 1_000_000_000;

    private readonly SoftMmu _mmu;
    private readonly BlockCache _blocks;
    private readonly CodeFinder _code;
    private readonly VcpuPresence _presence;
    private readonly VcpuGroup _group;
    private readonly DoubtBudget _budget = new();

    /// <summary>The coherence of a vCPU.</summary>
    public VcpuCoherence(SoftMmu mmu, BlockCache blocks, CodeFinder code, VcpuPresence presence, VcpuGroup group)
    {
        _mmu = mmu;
        _blocks = blocks;
        _code = code;
        _presence = presence;
        _group = group;
    }

    /// <summary>How long to wait until a doubt that is owed may be carried out, in nanoseconds; the greatest number where none is.</summary>
    public long Delay => _budget.IsOwed ? Math.Max(_budget.RetryAt - Now, 0) : long.MaxValue;

    private static long Now => (long)((Int128)Stopwatch.GetTimestamp() * Nanoseconds / Stopwatch.Frequency);

    /// <inheritdoc/>
    public void Doubt(MemoryDoubt doubt)
    {
        switch (doubt)
        {
            case MemoryDoubt.Passing:
                DoubtIfCheap();
                break;
            case MemoryDoubt.Code:
                _mmu.DoubtCode();
                _group.DoubtMemory(_presence);
                break;
            default:
                _code.Forget();
                _mmu.Reset();
                _group.ForgetMemory(_presence);
                break;
        }
    }

    /// <summary>An interrupt is being delivered: the device that has raised it may have written before.</summary>
    public void NoteInterrupt() => DoubtIfCheap();

    /// <summary>Carries out what another vCPU has asked for, and what is owed if it is affordable now.</summary>
    public void FollowDoubts()
    {
        if (_presence.TakeDoubt()) _mmu.DoubtCode();
        if (_budget.IsOwed) DoubtIfCheap();
    }

    private void DoubtIfCheap()
    {
        if (_budget.TryTake(Now, _blocks.Verifications)) _mmu.DoubtCode();
    }
}
